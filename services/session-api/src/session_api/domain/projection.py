"""What the runner's messages make of a run: repeated, late and skipped messages all lead to the same end."""

from dataclasses import dataclass, replace
from datetime import datetime

from onboarding_shared.contracts.run_states import TERMINAL, can_reach
from onboarding_shared.contracts.task_runner import RunEventMessage, RunFinished, RunProgressed, RunStarted
from onboarding_shared.contracts.types import CheckStatus, RunState


@dataclass(frozen=True, slots=True)
class RunView:
    """What session-api knows of a run's course."""

    state: RunState
    attempt: int = 0
    progress_done: int | None = None
    progress_total: int | None = None
    progress_message: str | None = None
    status: CheckStatus | None = None
    reason_code: str | None = None
    message: str | None = None
    resume_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None


def project(view: RunView, heard: RunEventMessage) -> RunView:
    """The run after ``heard``. An ended run stays as it ended, and an older attempt says nothing new."""
    if view.state in TERMINAL or (heard.attempt < view.attempt and not isinstance(heard, RunFinished)):
        return view
    match heard:
        case RunStarted():
            return _started(view, heard)
        case RunProgressed():
            return _progressed(view, heard)
        case RunFinished():
            return _finished(view, heard)


def _started(view: RunView, heard: RunStarted) -> RunView:
    again = heard.attempt > view.attempt
    return replace(
        view,
        state=_advance(view.state, RunState.RUNNING) if again or view.state is RunState.QUEUED else view.state,
        attempt=heard.attempt,
        started_at=view.started_at or heard.started_at,
        progress_done=None if again else view.progress_done,
        progress_total=None if again else view.progress_total,
        progress_message=None if again else view.progress_message,
        resume_at=None if again else view.resume_at,
        reason_code=None if again else view.reason_code,
    )


def _progressed(view: RunView, heard: RunProgressed) -> RunView:
    if heard.state in TERMINAL:
        return view
    progress = heard.progress
    return replace(
        view,
        state=_advance(view.state, heard.state),
        attempt=heard.attempt,
        progress_done=progress.done if progress else view.progress_done,
        progress_total=progress.total if progress else view.progress_total,
        progress_message=progress.message if progress else view.progress_message,
        reason_code=heard.reason_code,
        resume_at=heard.resume_at,
    )


def _finished(view: RunView, heard: RunFinished) -> RunView:
    """A result is a fact, whatever this service thought of the run before."""
    if heard.state not in TERMINAL:
        return view
    cancelled = heard.state is RunState.CANCELLED
    return replace(
        view,
        state=heard.state,
        attempt=max(view.attempt, heard.attempt),
        status=None if cancelled else heard.status,
        reason_code=heard.reason_code,
        message=heard.message,
        resume_at=None,
        started_at=heard.started_at or view.started_at,
        finished_at=heard.finished_at,
    )


def _advance(state: RunState, target: RunState) -> RunState:
    """Cancelling is this service's own word: what the runner said before it heard of it does not undo it."""
    return target if can_reach(state, target) else state
