"""Projection of task-runner's messages onto a run. Repeated, late and missing messages lead to the same final state."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from onboarding_shared.contracts.run_states import TERMINAL, can_reach
from onboarding_shared.contracts.task_runner import (
    OFFERED_INPUTS,
    RunEventMessage,
    RunFinished,
    RunProgressed,
    RunStarted,
)
from onboarding_shared.contracts.types import CheckStatus, RunState
from session_api.domain.offers import usable_offer


@dataclass(frozen=True, slots=True)
class RunView:
    """The projected fields of a run. ``offered_inputs`` are those that a message brought, None = no change."""

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
    offered_inputs: Mapping[str, Any] | None = None


def project(view: RunView, message: RunEventMessage) -> RunView:
    """Apply ``message`` to a run. Ended runs do not change; messages of earlier attempts, except ends, are ignored."""
    if view.state in TERMINAL or (message.attempt < view.attempt and not isinstance(message, RunFinished)):
        return view
    match message:
        case RunStarted():
            return _started(view, message)
        case RunProgressed():
            return _progressed(view, message)
        case RunFinished():
            return _finished(view, message)


def _started(view: RunView, message: RunStarted) -> RunView:
    new_attempt = message.attempt > view.attempt
    return replace(
        view,
        state=_advance(view.state, RunState.RUNNING) if new_attempt or view.state is RunState.QUEUED else view.state,
        attempt=message.attempt,
        started_at=view.started_at or message.started_at,
        progress_done=None if new_attempt else view.progress_done,
        progress_total=None if new_attempt else view.progress_total,
        progress_message=None if new_attempt else view.progress_message,
        resume_at=None if new_attempt else view.resume_at,
        reason_code=None if new_attempt else view.reason_code,
        message=None if new_attempt else view.message,
    )


def _progressed(view: RunView, message: RunProgressed) -> RunView:
    if message.state in TERMINAL:
        return view
    progress = message.progress
    return replace(
        view,
        state=_advance(view.state, message.state),
        attempt=message.attempt,
        progress_done=progress.done if progress else view.progress_done,
        progress_total=progress.total if progress else view.progress_total,
        progress_message=progress.message if progress else view.progress_message,
        reason_code=message.reason_code,
        message=message.message,
        resume_at=message.resume_at,
        started_at=message.started_at or view.started_at,
        offered_inputs=usable_offer(message.offered_inputs) or view.offered_inputs,
    )


def _finished(view: RunView, message: RunFinished) -> RunView:
    """Apply the end of a run, whatever its active state and attempt."""
    if message.state not in TERMINAL:
        return view
    cancelled = message.state is RunState.CANCELLED
    offered = message.payload.get(OFFERED_INPUTS)
    return RunView(
        state=message.state,
        attempt=max(view.attempt, message.attempt),
        progress_done=view.progress_done,
        progress_total=view.progress_total,
        progress_message=view.progress_message,
        status=None if cancelled else message.status,
        reason_code=message.reason_code,
        message=message.message,
        resume_at=None,
        started_at=message.started_at or view.started_at,
        finished_at=message.finished_at,
        offered_inputs=(usable_offer(offered) if offered else None) or view.offered_inputs,
    )


def _advance(state: RunState, target: RunState) -> RunState:
    """Return ``target`` if it can follow ``state``. A late ``running`` does not replace ``cancelling``."""
    return target if can_reach(state, target) else state
