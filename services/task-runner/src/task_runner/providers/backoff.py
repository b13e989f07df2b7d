"""Retries of requests: the decision, and the backoff."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from task_runner.providers.graph_errors import THROTTLED
from task_runner.tasks.result import TaskFault

FIRST_WAIT = 0.2
LONGEST_BACKOFF = 5.0
JITTER = 0.2


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return the seconds in ``Retry-After``, a number or a date; None if it is absent or invalid."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


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
