"""Recovery of runs whose lease has expired."""

from dataclasses import dataclass

from onboarding_shared.contracts.types import RunState
from task_runner.domain.outcomes import Cancelled, GiveUp, RetryLater
from task_runner.domain.reasons import LEASE_LOST

MOST_LOSSES = 3
"""Maximum number of expired leases per run, so that a run that crashes its workers ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLease:
    """A run with an expired lease; ``losses`` is the number of earlier ones."""

    run_id: int
    lease_token: int
    state: RunState
    losses: int


def decide_lost_lease(lost: LostLease) -> RetryLater | GiveUp | Cancelled:
    """Retry the run immediately, up to ``MOST_LOSSES`` times; an expired lease does not count for its retry policy."""
    if lost.state is RunState.CANCELLING:
        return Cancelled()
    if lost.losses + 1 > MOST_LOSSES:
        return GiveUp(
            reason_code=LEASE_LOST, message=f"The run lost its worker {lost.losses + 1} times and is not tried again."
        )
    return RetryLater(delay=0.0, reason_code=LEASE_LOST, message="The worker of the run went away.")
