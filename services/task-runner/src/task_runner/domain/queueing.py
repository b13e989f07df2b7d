"""The limit on the time from when a run is due until a worker claims it."""

from task_runner.domain.outcomes import TimedOut
from task_runner.domain.reasons import QUEUE_TIME_LIMIT_EXCEEDED

GRACE_SECONDS = 60.0
"""Seconds after the start of a worker, or after a database outage, in which it does not expire overdue runs."""


def unclaimed(limit: float) -> TimedOut:
    """Return the outcome of a run that no worker claimed within ``limit`` seconds after it was due."""
    message = f"No worker claimed the run within {limit:g} seconds after it was due."
    return TimedOut(reason_code=QUEUE_TIME_LIMIT_EXCEEDED, message=message)


def grace(limit: float) -> float:
    """Return the grace period in seconds for this limit."""
    return min(GRACE_SECONDS, limit)
