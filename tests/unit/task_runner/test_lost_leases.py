"""The next state of a run whose worker has lost its lease."""

import pytest

from onboarding_shared.contracts.types import RunState
from task_runner.domain.leases import LostLease, decide_lost_lease
from task_runner.domain.outcomes import Cancelled, GiveUp, RetryLater


def lost(state: RunState = RunState.RUNNING, losses: int = 0) -> LostLease:
    return LostLease(run_id=1, lease_token=5, state=state, losses=losses)


@pytest.mark.parametrize(("losses", "delay"), [(0, 0.0), (1, 5.0), (2, 20.0)])
def test_it_is_started_again_later_each_time(losses: int, delay: float) -> None:
    decision = decide_lost_lease(lost(losses=losses))
    assert isinstance(decision, RetryLater) and (decision.delay, decision.reason_code) == (delay, "LEASE_LOST")


def test_one_that_loses_every_worker_ends() -> None:
    decision = decide_lost_lease(lost(losses=3))
    assert isinstance(decision, GiveUp) and decision.reason_code == "LEASE_LOST"


def test_one_that_was_being_cancelled_is_cancelled() -> None:
    assert decide_lost_lease(lost(RunState.CANCELLING, losses=3)) == Cancelled()
