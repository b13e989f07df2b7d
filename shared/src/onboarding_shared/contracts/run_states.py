"""The state machine of a run: the transition table from which guards, constraints, diagrams and tests derive."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from onboarding_shared.contracts.types import RunState


class RunEvent(StrEnum):
    """An event of the state machine."""

    START = "start"
    WAIT = "wait"
    SUCCEED = "succeed"
    FAIL = "fail"
    TIME_OUT = "time_out"
    REQUEST_CANCEL = "request_cancel"
    CANCEL = "cancel"


_TRANSITIONS_BY_STATE: Mapping[RunState, Mapping[RunEvent, RunState]] = {
    RunState.QUEUED: {
        RunEvent.START: RunState.RUNNING,
        RunEvent.FAIL: RunState.FAILED,
        RunEvent.TIME_OUT: RunState.TIMED_OUT,
        RunEvent.REQUEST_CANCEL: RunState.CANCELLING,
    },
    RunState.RUNNING: {
        RunEvent.START: RunState.RUNNING,  # claimed again after the lease of the first worker expired
        RunEvent.WAIT: RunState.WAITING,
        RunEvent.SUCCEED: RunState.SUCCEEDED,
        RunEvent.FAIL: RunState.FAILED,
        RunEvent.TIME_OUT: RunState.TIMED_OUT,
        RunEvent.REQUEST_CANCEL: RunState.CANCELLING,
    },
    RunState.WAITING: {
        RunEvent.START: RunState.RUNNING,
        RunEvent.FAIL: RunState.FAILED,
        RunEvent.TIME_OUT: RunState.TIMED_OUT,
        RunEvent.REQUEST_CANCEL: RunState.CANCELLING,
    },
    RunState.CANCELLING: {
        RunEvent.CANCEL: RunState.CANCELLED,
        RunEvent.SUCCEED: RunState.SUCCEEDED,  # it had ended before the cancellation reached it
        RunEvent.FAIL: RunState.FAILED,
        RunEvent.TIME_OUT: RunState.TIMED_OUT,
    },
}

TRANSITIONS: Mapping[tuple[RunState, RunEvent], RunState] = MappingProxyType(
    {(state, event): target for state, events in _TRANSITIONS_BY_STATE.items() for event, target in events.items()}
)
ACTIVE: frozenset[RunState] = frozenset(_TRANSITIONS_BY_STATE)
TERMINAL: frozenset[RunState] = frozenset(RunState) - ACTIVE


def next_state(state: RunState, event: RunEvent) -> RunState | None:
    """The next state, or None if the event does not apply to the state (a late or repeated one)."""
    return TRANSITIONS.get((state, event))


def _closure() -> Mapping[RunState, frozenset[RunState]]:
    reached = {state: {target for (source, _), target in TRANSITIONS.items() if source is state} for state in RunState}
    for _ in RunState:
        for state, targets in reached.items():
            reached[state] = targets.union(*(reached[target] for target in targets))
    return {state: frozenset(targets) for state, targets in reached.items()}


_REACHABLE = _closure()


def can_reach(state: RunState, target: RunState) -> bool:
    """True if a sequence of events leads from ``state`` to ``target``: a projection may miss intermediate states."""
    return target in _REACHABLE[state]
