"""The outcomes of a task: a result, or one of the exceptions ``CannotTell``, ``Wait`` and ``TaskFault``."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from onboarding_shared.contracts.types import CheckStatus, ReasonCode
from task_runner.tasks.payload import json_safe, safe_text

MAX_MESSAGE = 4000
LONGEST_PAUSE = 7 * 86_400.0
"""Seconds that a task may ask to wait at once; it may ask again until its wait limit."""

_NOTHING: Mapping[str, Any] = {}


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a task. ``ok`` requires that the values were read.

    Made by ``Result.ok``, ``warn``, ``fail`` and ``unknown``; each raises ``ValueError`` on a malformed reason code
    and ``PayloadError`` on a payload that cannot be kept. ``message`` is one sentence for a human, cut at 4,000
    characters; ``payload`` is the evidence. Secrets in both become ``[redacted]``.
    """

    status: CheckStatus
    reason_code: str
    message: str
    payload: dict[str, Any]

    @classmethod
    def ok(cls, reason_code: str, message: str = "", payload: Mapping[str, Any] = _NOTHING) -> "Result":
        """The check passed."""
        return cls.of(CheckStatus.OK, reason_code, message, payload)

    @classmethod
    def warn(cls, reason_code: str, message: str = "", payload: Mapping[str, Any] = _NOTHING) -> "Result":
        """The check passed, with a finding that needs attention."""
        return cls.of(CheckStatus.WARN, reason_code, message, payload)

    @classmethod
    def fail(cls, reason_code: str, message: str = "", payload: Mapping[str, Any] = _NOTHING) -> "Result":
        """The check did not pass."""
        return cls.of(CheckStatus.FAIL, reason_code, message, payload)

    @classmethod
    def unknown(cls, reason_code: str, message: str = "", payload: Mapping[str, Any] = _NOTHING) -> "Result":
        """The task could not determine the answer."""
        return cls.of(CheckStatus.UNKNOWN, reason_code, message, payload)

    @classmethod
    def of(cls, status: CheckStatus, reason_code: str, message: str, payload: Mapping[str, Any]) -> "Result":
        """A checked result with any status."""
        return cls(
            status=status,
            reason_code=checked_reason(reason_code),
            message=safe_text(message, MAX_MESSAGE),
            payload=json_safe(payload),
        )


def checked_reason(reason_code: str) -> str:
    """The reason code itself. Raises ``ValueError`` unless it looks like ``GRAPH_FORBIDDEN``."""
    try:
        return msgspec.convert(reason_code, ReasonCode)
    except msgspec.ValidationError as error:
        raise ValueError(f"Not a reason code: {reason_code!r} ({error})") from error


class CannotTell(Exception):
    """Raised anywhere below a task when the answer is ``unknown``, with the reason. It is not retried.

    The run ends ``succeeded`` with status ``unknown``: the task completed, and its result is that the value
    could not be read.
    """

    def __init__(self, reason_code: str, message: str, payload: Mapping[str, Any] = _NOTHING) -> None:
        super().__init__(f"{reason_code}: {message}")
        self.reason_code = checked_reason(reason_code)
        self.message = safe_text(message, MAX_MESSAGE)
        self.payload = json_safe(payload)


class TaskFault(Exception):
    """Raised when a task has to give up this attempt.

    With ``retryable`` the worker starts another attempt when the retry policy has one left, not sooner than
    ``retry_after`` seconds from now; otherwise the run ends ``failed`` with status ``unknown`` and this reason.
    """

    def __init__(
        self,
        reason_code: str,
        message: str,
        *,
        retryable: bool = False,
        retry_after: float | None = None,
        payload: Mapping[str, Any] = _NOTHING,
    ) -> None:
        super().__init__(f"{reason_code}: {message}")
        self.reason_code = checked_reason(reason_code)
        self.message = safe_text(message, MAX_MESSAGE)
        self.retryable = retryable
        self.retry_after = retry_after
        self.payload = json_safe(payload)


class Wait(Exception):
    """Raised by a task that cannot answer yet because something outside has to happen first, such as an approval.

    The run becomes ``waiting`` with this reason, frees its worker and keeps its guard; after ``seconds`` (over 0, at
    most 7 days) the task runs again from its start. It uses up no attempt of the retry policy. Once the run is older
    than the task type's wait limit, the last such answer ends it ``timed_out``. Raises ``ValueError`` on other seconds.
    """

    def __init__(
        self, reason_code: str, message: str, *, seconds: float, payload: Mapping[str, Any] = _NOTHING
    ) -> None:
        super().__init__(f"{reason_code}: {message}")
        if not (math.isfinite(seconds) and 0 < seconds <= LONGEST_PAUSE):
            raise ValueError(f"A task may wait over 0 and at most {LONGEST_PAUSE:.0f} s, not {seconds}")
        self.reason_code = checked_reason(reason_code)
        self.message = safe_text(message, MAX_MESSAGE)
        self.seconds = float(seconds)
        self.payload = json_safe(payload)
