"""The limit on the time that a run is due without being claimed."""

from task_runner.domain.outcomes import TimedOut
from task_runner.domain.reasons import QUEUE_TIME_LIMIT_EXCEEDED

GRACE_SECONDS = 60.0
"""Seconds after its start, or a database outage, in which a worker expires no overdue runs."""


def unclaimed(limit: float) -> TimedOut:
    """The outcome of a run that no worker claimed within ``limit`` seconds from when it was due."""
    message = f"No worker took the run within {limit:g} seconds from when it was due."
    return TimedOut(reason_code=QUEUE_TIME_LIMIT_EXCEEDED, message=message)


def grace(limit: float) -> float:
    """The grace period in seconds for this limit."""
    return min(GRACE_SECONDS, limit)
