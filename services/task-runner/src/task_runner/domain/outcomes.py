"""Endings of an attempt, and the outcomes of its run."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from onboarding_shared.contracts.run_states import RunEvent
from onboarding_shared.contracts.types import CheckStatus
from task_runner.domain.reasons import RUN_CANCELLED, TIME_LIMIT_EXCEEDED, WAIT_LIMIT_EXCEEDED

LONGEST_WAIT = 86_400.0
"""Maximum delay in seconds before the next attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The task returned a result."""

    status: CheckStatus
    reason_code: str
    message: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed:
    """The task raised ``TaskFault``, or crashed. ``retry_after`` is in seconds, None if no provider requested it."""

    reason_code: str
    message: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    retryable: bool = False
    retry_after: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """The task raised ``Wait``: it must run again after ``seconds``."""

    seconds: float
    reason_code: str
    message: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """The attempt could not go on because of a limit of requests: the run goes on after ``seconds``.

    It counts as no attempt.
    """

    seconds: float
    reason_code: str
    message: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimitExceeded:
    """The attempt exceeded its time limit of ``limit`` seconds."""

    limit: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The attempt was stopped because its run was cancelled."""


Ending = Returned | TaskFailed | Postponed | Deferred | TimeLimitExceeded | Stopped


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeed:
    """The run ends with a result of the task, of any status."""

    event: ClassVar[RunEvent] = RunEvent.SUCCEED
    status: CheckStatus
    reason_code: str
    message: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """The run fails without a result of the task."""

    event: ClassVar[RunEvent] = RunEvent.FAIL
    status: ClassVar[CheckStatus] = CheckStatus.UNKNOWN
    reason_code: str
    message: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedOut:
    """The run ends because its attempt, its waiting time or its time in the queue exceeded a limit."""

    event: ClassVar[RunEvent] = RunEvent.TIME_OUT
    status: ClassVar[CheckStatus] = CheckStatus.UNKNOWN
    reason_code: str = TIME_LIMIT_EXCEEDED
    message: str
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """The run ends because it was cancelled. No evidence is recorded."""

    event: ClassVar[RunEvent] = RunEvent.CANCEL
    status: ClassVar[CheckStatus] = CheckStatus.UNKNOWN
    reason_code: str = RUN_CANCELLED
    message: str = "The run was cancelled."
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLater:
    """Another attempt starts after ``delay`` seconds."""

    event: ClassVar[RunEvent] = RunEvent.WAIT
    delay: float
    reason_code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeLater:
    """The task runs again after ``delay`` seconds, with all attempts of its retry policy."""

    event: ClassVar[RunEvent] = RunEvent.WAIT
    delay: float
    reason_code: str
    message: str
    payload: Mapping[str, Any] = field(default_factory=dict)


RunEnd = Succeed | GiveUp | TimedOut | Cancelled
RunOutcome = RunEnd | RetryLater | ResumeLater


def decide_outcome(
    ending: Ending, *, cancelling: bool, backoff: float | None, wait_left: float = math.inf
) -> RunOutcome:
    """Return the outcome of a run after an attempt.

    ``backoff`` is the delay in seconds before the next attempt, None if the retry policy allows no other attempt.
    ``wait_left`` is the time in seconds until the run's wait limit, zero or negative if it is exceeded. A result takes
    precedence over a cancellation.
    """
    if isinstance(ending, Returned):
        return Succeed(
            status=ending.status, reason_code=ending.reason_code, message=ending.message, payload=ending.payload
        )
    if cancelling or isinstance(ending, Stopped):
        return Cancelled()
    if isinstance(ending, TimeLimitExceeded):
        return TimedOut(message=f"The attempt exceeded its time limit of {ending.limit:g} seconds.")
    if isinstance(ending, Postponed):
        return _resume(ending, wait_left)
    if isinstance(ending, Deferred):
        return _defer(ending, wait_left)
    if ending.retryable and backoff is not None:
        delay = wait_before_retry(backoff, ending.retry_after)
        return RetryLater(delay=delay, reason_code=ending.reason_code, message=ending.message)
    return GiveUp(reason_code=ending.reason_code, message=ending.message, payload=ending.payload)


def _resume(ending: Postponed, wait_left: float) -> ResumeLater | TimedOut:
    """Shorten the delay to the wait limit, so that the task runs once more before the run times out."""
    if wait_left <= 0:
        return _waited_too_long(ending)
    return ResumeLater(
        delay=min(ending.seconds, wait_left),
        reason_code=ending.reason_code,
        message=ending.message,
        payload=ending.payload,
    )


def _defer(ending: Deferred, wait_left: float) -> RetryLater | TimedOut:
    if wait_left <= 0:
        return _waited_too_long(ending)
    return RetryLater(
        delay=min(ending.seconds, wait_left, LONGEST_WAIT), reason_code=ending.reason_code, message=ending.message
    )


def _waited_too_long(ending: Postponed | Deferred) -> TimedOut:
    message = f"The run exceeded the wait limit of its task type. Last reason: {ending.reason_code}: "
    return TimedOut(
        reason_code=WAIT_LIMIT_EXCEEDED, message=f"{message}{ending.message[:3000]}", payload=ending.payload
    )


def wait_before_retry(backoff: float, retry_after: float | None) -> float:
    """Return the larger of the policy's delay and the provider's ``retry_after``, in seconds, at most one day."""
    requested = retry_after if retry_after is not None and retry_after > 0 else 0.0
    return min(max(backoff, requested), LONGEST_WAIT)
