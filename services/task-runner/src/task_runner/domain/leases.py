"""What becomes of a run whose worker no longer renews its lease."""

from dataclasses import dataclass

from onboarding_shared.contracts.types import RunState
from task_runner.domain.outcomes import Cancelled, GiveUp, RetryLater
from task_runner.domain.reasons import LEASE_LOST

MOST_LOSSES = 3
"""How often a run may lose its worker. One that kills every worker it meets has to end, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLease:
    """A run whose lease ran out; ``losses`` counts the earlier times."""

    run_id: int
    lease_token: int
    state: RunState
    losses: int


def decide_lost_lease(lost: LostLease) -> RetryLater | GiveUp | Cancelled:
    """The end of its worker is not the run's fault: it is started again at once, up to ``MOST_LOSSES`` times."""
    if lost.state is RunState.CANCELLING:
        return Cancelled()
    if lost.losses + 1 > MOST_LOSSES:
        return GiveUp(
            reason_code=LEASE_LOST, message=f"The run lost its worker {lost.losses + 1} times and is not tried again."
        )
    return RetryLater(delay=0.0, reason_code=LEASE_LOST, message="The worker of the run went away.")
