"""Waiting for the customer's consent: for how long, with what message, and when not.

Microsoft notifies nobody of a consent. The service principal appears within seconds, its permissions within minutes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from task_runner.tasks.context import RunDetails
from task_runner.tasks.result import Result, Wait

MISSING = "CONSENT_MISSING"
PERMISSIONS_MISSING = "CONSENT_PERMISSIONS_MISSING"

FIRST_PAUSES = (5.0, 10.0, 20.0)
"""Seconds between the first attempts after the run was woken; then ``PAUSE``."""
PAUSE = 30.0
WATCHED = 600.0
"""Seconds after the run was woken in which the consent is expected at any moment."""
PAUSE_BEFORE = 300.0
"""Seconds between attempts without a notice that the customer has consented."""

_LINK = "Send the consent link to an administrator of the customer; the run checks again by itself."


def pause(since_wake: float | None) -> float:
    """Seconds until the next attempt, ``since_wake`` seconds after the run was woken (None = it was not)."""
    if since_wake is None or since_wake >= WATCHED:
        return PAUSE_BEFORE
    passed = 0.0
    for seconds in FIRST_PAUSES:
        passed += seconds
        if since_wake < passed:
            return seconds
    return PAUSE


def consent_gone(message: str, details: RunDetails, payload: Mapping[str, Any]) -> Result:
    """The result where the application has no access but had it before. Raises ``Wait`` where it never had it."""
    if details.previously_ok:
        return Result.fail("CONSENT_LOST", f"{message} It had access before.", payload)
    raise Wait(MISSING, f"{message} {_LINK}", seconds=pause(details.since_wake), payload=payload)


def wait_for_permissions(missing: Sequence[str], details: RunDetails, payload: Mapping[str, Any]) -> Wait:
    """The ``Wait`` for permissions that are not granted, or not in force yet."""
    message = f"Not granted: {', '.join(missing)}. New permissions take some minutes. {_LINK}"
    return Wait(PERMISSIONS_MISSING, message, seconds=pause(details.since_wake), payload=payload)
