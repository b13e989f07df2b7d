"""Retries of requests: the decision, and the backoff."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from task_runner.providers.graph_errors import THROTTLED
from task_runner.tasks.result import TaskFault

FIRST_WAIT = 0.2
LONGEST_BACKOFF = 5.0
JITTER = 0.2
LONGEST_RETRY_AFTER = 86_400.0
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{0,20})?", re.ASCII)


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in ``Retry-After``, a number or a date, at most a day.

    None if it is absent, or if it is no positive wait: the caller then takes its own, which is longer than none.
    """
    value = headers.get("retry-after", "").strip()
    seconds = _seconds(value) if _NUMBER.fullmatch(value) else _until(value)
    return None if seconds is None or seconds <= 0 else min(seconds, LONGEST_RETRY_AFTER)


def _seconds(value: str) -> float | None:
    try:
        return float(value)
    except ValueError:
        return None


def _until(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def backoff_hook(
    *, repeatable: bool, longest_wait: float, remaining: Callable[[], float]
) -> Callable[[Exception], bool | float]:
    """Return the backoff hook for stamina: False = no retry, True = exponential backoff, a number = delay in seconds.

    A request that is not ``repeatable`` is retried only if the server has not processed it: status 429, or a response
    with ``Retry-After``. There is no retry after the deadline, or after more than ``longest_wait`` seconds.
    """

    def decide(error: Exception) -> bool | float:
        if not isinstance(error, TaskFault) or not error.retryable:
            return False
        if not repeatable and error.reason_code != THROTTLED and error.retry_after is None:
            return False
        wait = LONGEST_BACKOFF if error.retry_after is None else error.retry_after
        if wait >= remaining():
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= longest_wait else False

    return decide
