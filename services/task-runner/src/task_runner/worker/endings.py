"""Converts the return value or exception of a task to the ending of its attempt."""

import asyncio
import functools

import structlog

from onboarding_shared.contracts.types import CheckStatus
from task_runner.domain.outcomes import Deferred, Ending, Postponed, Returned, TaskFailed
from task_runner.domain.reasons import RESULT_INVALID, TASK_CRASHED
from task_runner.tasks import PayloadError, Result, TaskFault, Wait
from task_runner.tasks.payload import shown_text
from task_runner.tasks.result import MAX_MESSAGE, AttemptDeferred, checked_reason

_log = structlog.get_logger(__name__)
_status = functools.cache(CheckStatus)


def returned(result: Result) -> Ending:
    """Return the ending of a task that returned. An invalid result is a failure."""
    try:
        return Returned(
            status=_status(result.status),
            reason_code=checked_reason(result.reason_code),
            message=shown_text(result.message, MAX_MESSAGE),
            payload=result.payload,
        )
    except (ValueError, TypeError, AttributeError) as error:
        _log.error("task_result_invalid", reason=str(error))
        return TaskFailed(reason_code=RESULT_INVALID, message="The task returned an invalid result.")


def raised(inner: asyncio.Task[Result]) -> TaskFailed | Postponed | Deferred:
    """Return the ending of a task that raised. The texts of unexpected exceptions are logged, but not published."""
    error = None if inner.cancelled() else inner.exception()
    if isinstance(error, Wait):
        return Postponed(
            seconds=error.seconds, reason_code=error.reason_code, message=error.message, payload=error.payload
        )
    if isinstance(error, AttemptDeferred):
        return Deferred(
            seconds=error.retry_after or 0.0,
            reason_code=error.reason_code,
            message=error.message,
            payload=error.payload,
        )
    if isinstance(error, TaskFault):
        return TaskFailed(
            reason_code=error.reason_code,
            message=error.message,
            payload=error.payload,
            retryable=error.retryable,
            retry_after=error.retry_after,
        )
    if isinstance(error, PayloadError):
        _log.error("task_result_invalid", reason=str(error))
        return TaskFailed(reason_code=RESULT_INVALID, message=shown_text(str(error), MAX_MESSAGE))
    error_type = "CancelledError" if error is None else type(error).__name__
    _log.error("task_crashed", error=error_type, exc_info=error)
    return TaskFailed(
        reason_code=TASK_CRASHED, message=f"The task raised {error_type}; see the log of task-runner for details."
    )
