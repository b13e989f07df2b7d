"""The projection of messages onto a run, in any order and number."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as some

from onboarding_shared.contracts.run_states import TERMINAL, can_reach
from onboarding_shared.contracts.task_runner import Progress, RunEventMessage, RunFinished, RunProgressed, RunStarted
from onboarding_shared.contracts.types import CheckStatus, RunState
from session_api.domain.projection import RunView, project

AT = datetime(2026, 11, 24, tzinfo=UTC)
ABOUT = {"tenant_id": 42, "run_id": 1, "task_type": "app.consent"}

attempts = some.integers(0, 3)
messages: some.SearchStrategy[RunEventMessage] = some.one_of(
    some.builds(lambda attempt: RunStarted(**ABOUT, attempt=attempt, started_at=AT), attempts),
    some.builds(
        lambda attempt, state: RunProgressed(**ABOUT, attempt=attempt, state=state),
        attempts,
        some.sampled_from(RunState),
    ),
    some.builds(
        lambda attempt, state, status: RunFinished(
            **ABOUT, attempt=attempt, state=state, status=status, reason_code="DONE", finished_at=AT
        ),
        attempts,
        some.sampled_from(sorted(TERMINAL)),
        some.sampled_from(CheckStatus),
    ),
)


@given(some.sampled_from(RunState), some.lists(messages, max_size=12))
def test_a_run_follows_its_states_and_an_ended_run_stays(state: RunState, messages: list[RunEventMessage]) -> None:
    view = RunView(state=state)
    for message in messages:
        after = project(view, message)
        assert after.state == view.state or can_reach(view.state, after.state)
        assert after.attempt >= view.attempt
        if view.state in TERMINAL:
            assert after == view
        view = after


@given(some.lists(messages, max_size=8))
def test_every_message_twice_is_as_good_as_once(messages: list[RunEventMessage]) -> None:
    once = twice = RunView(state=RunState.QUEUED)
    for message in messages:
        once = project(once, message)
        twice = project(project(twice, message), message)

    assert once == twice


def test_only_a_result_gives_a_status() -> None:
    view = project(RunView(state=RunState.QUEUED), RunStarted(**ABOUT, attempt=1, started_at=AT))

    assert (view.state, view.status) == (RunState.RUNNING, None)


def test_a_new_attempt_forgets_the_progress_of_the_old_one() -> None:
    progress = RunProgressed(**ABOUT, attempt=1, state=RunState.RUNNING, progress=Progress(done=3))
    view = project(RunView(state=RunState.RUNNING, attempt=1), progress)
    again = project(view, RunStarted(**ABOUT, attempt=2, started_at=AT))

    assert (view.progress_done, again.progress_done) == (3, None)


def test_a_progress_message_that_claims_an_end_is_not_believed() -> None:
    claim = RunProgressed(**ABOUT, attempt=1, state=RunState.SUCCEEDED)

    assert project(RunView(state=RunState.RUNNING, attempt=1), claim).state is RunState.RUNNING
