"""Recovery of runs whose lease has expired."""

from dataclasses import dataclass
from enum import Enum, auto

from onboarding_shared.contracts.types import RunState
from task_runner.domain.outcomes import Cancelled, GiveUp, RetryLater
from task_runner.domain.reasons import LEASE_LOST

MOST_LOSSES = 3
"""Maximum number of expired leases per run. It ends runs that crash their workers."""
ISOLATED_AFTER = 2
"""Number of expired leases after which a run is executed apart from others, because it may have crashed its worker."""
FIRST_DELAY = 5.0
DELAY_FACTOR = 4.0
"""Seconds until such a run is claimed again, and the factor for each further time."""


class Selection(Enum):
    """The runs that a worker claims."""

    ALL = auto()
    SHARED_PROCESS = auto()
    """Runs that may be executed in one process with others."""
    ISOLATED = auto()
    """Runs that lost ``ISOLATED_AFTER`` workers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLease:
    """A run with an expired lease; ``losses`` is the number of earlier ones."""

    run_id: int
    lease_token: int
    state: RunState
    losses: int


def decide_lost_lease(lost: LostLease) -> RetryLater | GiveUp | Cancelled:
    """Return a retry, up to ``MOST_LOSSES`` times. Expired leases do not count for the retry policy.

    The first one is immediate; from ``ISOLATED_AFTER`` on they are delayed.
    """
    losses = lost.losses + 1
    if lost.state is RunState.CANCELLING:
        return Cancelled()
    if losses > MOST_LOSSES:
        return GiveUp(
            reason_code=LEASE_LOST, message=f"The lease of the run expired {losses} times; the run is not retried."
        )
    if losses < ISOLATED_AFTER:
        message = "The lease of the run expired; the run will be claimed again."
        return RetryLater(delay=0.0, reason_code=LEASE_LOST, message=message)
    message = f"The lease of the run expired {losses} times; the run will be claimed again, apart from others."
    return RetryLater(
        delay=FIRST_DELAY * DELAY_FACTOR ** (losses - ISOLATED_AFTER), reason_code=LEASE_LOST, message=message
    )
