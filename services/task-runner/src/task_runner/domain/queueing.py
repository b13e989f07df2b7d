"""What becomes of a run that nobody took."""

from task_runner.domain.outcomes import TimedOut
from task_runner.domain.reasons import QUEUE_TIME_LIMIT_EXCEEDED

GRACE_SECONDS = 60.0
"""How long a worker leaves late runs alone after its start, or after the database was away: nobody could take them."""


def unclaimed(limit: float) -> TimedOut:
    """The end of a run that no worker took within ``limit`` seconds from when it was due."""
    message = f"No worker took the run within {limit:g} seconds from when it was due."
    return TimedOut(reason_code=QUEUE_TIME_LIMIT_EXCEEDED, message=message)


def grace(limit: float) -> float:
    """The seconds for which a worker must not end runs for this limit."""
    return min(GRACE_SECONDS, limit)
