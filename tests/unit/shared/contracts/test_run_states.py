"""The states of a run, compared with an independent table."""

import pytest

from onboarding_shared.contracts.run_states import (
    ACTIVE,
    TERMINAL,
    TRANSITIONS,
    RunEvent,
    can_reach,
    next_state,
)
from onboarding_shared.contracts.types import RunState

# One line a state; the columns are the events in this order, a dot where the event means nothing.
EVENTS = ("start", "wait", "succeed", "fail", "time_out", "request_cancel", "cancel")
LIFE = """
queued      running   .         .          failed    timed_out   cancelling   .
running     running   waiting   succeeded  failed    timed_out   cancelling   .
waiting     running   .         .          failed    timed_out   cancelling   .
cancelling  .         .         succeeded  failed    timed_out   .            cancelled
succeeded   .         .         .          .         .           .            .
failed      .         .         .          .         .           .            .
cancelled   .         .         .          .         .           .            .
timed_out   .         .         .          .         .           .            .
"""
EXPECTED = [
    (row.split()[0], event, target)
    for row in LIFE.strip().splitlines()
    for event, target in zip(EVENTS, row.split()[1:], strict=True)
]
ENDS = {"succeeded", "failed", "cancelled", "timed_out"}
REACHABLE = {
    "queued": {"running", "waiting", "cancelling"} | ENDS,
    "running": {"running", "waiting", "cancelling"} | ENDS,
    "waiting": {"running", "waiting", "cancelling"} | ENDS,
    "cancelling": ENDS,
    "succeeded": set(),
    "failed": set(),
    "cancelled": set(),
    "timed_out": set(),
}


def test_the_expected_table_covers_every_state_and_event() -> None:
    assert {state for state, _, _ in EXPECTED} == {str(state) for state in RunState}
    assert set(EVENTS) == {str(event) for event in RunEvent}


@pytest.mark.parametrize(("state", "event", "target"), EXPECTED)
def test_an_event_leads_from_a_state_to_this_one(state: str, event: str, target: str) -> None:
    following = next_state(RunState(state), RunEvent(event))
    assert (following is None) == (target == ".")
    assert following is None or str(following) == target


def test_a_run_that_has_ended_stays_as_it_is() -> None:
    assert {str(state) for state in TERMINAL} == ENDS
    assert [next_state(state, event) for state in TERMINAL for event in RunEvent if next_state(state, event)] == []


def test_a_run_is_either_active_or_ended() -> None:
    assert {str(state) for state in ACTIVE} == {"queued", "running", "waiting", "cancelling"}
    assert set(RunState) == ACTIVE | TERMINAL
    assert not ACTIVE & TERMINAL


def test_every_active_run_can_fail_or_time_out() -> None:
    for state in ACTIVE:
        assert next_state(state, RunEvent.FAIL) is RunState.FAILED
        assert next_state(state, RunEvent.TIME_OUT) is RunState.TIMED_OUT


@pytest.mark.parametrize("state", REACHABLE)
def test_a_state_can_be_followed_by_these_in_the_end(state: str) -> None:
    assert {str(target) for target in RunState if can_reach(RunState(state), target)} == REACHABLE[state]


def test_nothing_leads_back_to_the_beginning() -> None:
    assert not any(can_reach(state, RunState.QUEUED) for state in RunState)


def test_a_cancellation_once_asked_for_is_not_forgotten() -> None:
    assert not can_reach(RunState.CANCELLING, RunState.RUNNING)
    assert not can_reach(RunState.CANCELLING, RunState.WAITING)


def test_nobody_can_change_the_table() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[RunState.SUCCEEDED, RunEvent.START] = RunState.RUNNING  # type: ignore[index]
