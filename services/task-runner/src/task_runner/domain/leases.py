"""Recovery of runs whose lease has expired."""

from dataclasses import dataclass

from onboarding_shared.contracts.types import RunState
from task_runner.domain.outcomes import Cancelled, GiveUp, RetryLater
from task_runner.domain.reasons import LEASE_LOST

MOST_LOSSES = 3
"""Maximum number of expired leases per run. It ends runs that crash their workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLease:
    """A run with an expired lease; ``losses`` is the number of earlier ones."""

    run_id: int
    lease_token: int
    state: RunState
    losses: int


def decide_lost_lease(lost: LostLease) -> RetryLater | GiveUp | Cancelled:
    """Return an immediate retry, up to ``MOST_LOSSES`` times. Expired leases do not count for the retry policy."""
    if lost.state is RunState.CANCELLING:
        return Cancelled()
    if lost.losses + 1 > MOST_LOSSES:
        return GiveUp(
            reason_code=LEASE_LOST,
            message=f"The lease of the run expired {lost.losses + 1} times; the run is not retried.",
        )
    return RetryLater(
        delay=0.0, reason_code=LEASE_LOST, message="The lease of the run expired; the run will be claimed again."
    )
