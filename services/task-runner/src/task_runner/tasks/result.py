"""The outcomes of a task: a result, or one of the exceptions ``CannotTell``, ``Wait`` and ``TaskFault``."""

import math
import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from onboarding_shared.contracts.types import CheckStatus, ReasonCode
from task_runner.tasks.payload import json_safe, shown_text

MAX_MESSAGE = 4000
LONGEST_PAUSE = 7 * 86_400.0
"""Maximum seconds of one ``Wait``. A task may raise ``Wait`` repeatedly until its wait limit."""

_NOTHING: Mapping[str, Any] = {}
_REASON_CODE = re.compile(get_args(ReasonCode)[1].pattern)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a task. ``ok`` requires that the values were read.

    Create it with ``Result.ok``, ``warn``, ``fail`` or ``unknown``. They raise ``ValueError`` for a malformed reason
    code and ``PayloadError`` for a payload that cannot be stored. ``message`` is one sentence for the user, truncated
    to 4,000 characters; ``payload`` is the evidence. Secrets in both are replaced by ``[redacted]``.
    """

    status: CheckStatus
    reason_code: str
    message: str
    payload: dict[str, Any]

    @classmethod
    def ok(cls, reason_code: str, message: str = "", payload: Mapping[str, Any] = _NOTHING) -> "Result":
        """Return a result: the check passed."""
        return cls.of(CheckStatus.OK, reason_code, message, payload)

    @classmethod
    def warn(cls, reason_code: str, message: str = "", payload: Mapping[str, Any] = _NOTHING) -> "Result":
        """Return a result: the check passed, with a finding that needs attention."""
        return cls.of(CheckStatus.WARN, reason_code, message, payload)

    @classmethod
    def fail(cls, reason_code: str, message: str = "", payload: Mapping[str, Any] = _NOTHING) -> "Result":
        """Return a result: the check failed."""
        return cls.of(CheckStatus.FAIL, reason_code, message, payload)

    @classmethod
    def unknown(cls, reason_code: str, message: str = "", payload: Mapping[str, Any] = _NOTHING) -> "Result":
        """Return a result: the task could not determine the status."""
        return cls.of(CheckStatus.UNKNOWN, reason_code, message, payload)

    @classmethod
    def of(cls, status: CheckStatus, reason_code: str, message: str, payload: Mapping[str, Any]) -> "Result":
        """Return a validated result with this status."""
        return cls(
            status=status,
            reason_code=checked_reason(reason_code),
            message=shown_text(message, MAX_MESSAGE),
            payload=json_safe(payload),
        )


def checked_reason(reason_code: str) -> str:
    """Return the reason code. Raise ``ValueError`` unless it has the format of ``GRAPH_FORBIDDEN``."""
    if type(reason_code) is str and _REASON_CODE.match(reason_code):
        return reason_code
    try:
        return msgspec.convert(reason_code, ReasonCode)
    except msgspec.ValidationError as error:
        raise ValueError(f"Invalid reason code {reason_code!r}: {error}") from error


class CannotTell(Exception):
    """Raised in a task if the status cannot be determined, with the reason. The run is not retried.

    It ends ``succeeded`` with status ``unknown``: the task is complete, and its result is that a value could not be
    read.
    """

    def __init__(self, reason_code: str, message: str, payload: Mapping[str, Any] = _NOTHING) -> None:
        super().__init__(f"{reason_code}: {message}")
        self.reason_code = checked_reason(reason_code)
        self.message = shown_text(message, MAX_MESSAGE)
        self.payload = json_safe(payload)


class TaskFault(Exception):
    """Raised in a task to end the attempt without a result.

    With ``retryable``, another attempt starts if the retry policy allows it, not earlier than in ``retry_after``
    seconds. Otherwise the run ends ``failed`` with status ``unknown`` and this reason.
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
        self.message = shown_text(message, MAX_MESSAGE)
        self.retryable = retryable
        self.retry_after = retry_after
        self.payload = json_safe(payload)


class AttemptDeferred(TaskFault):
    """Raised by the providers in an attempt that cannot go on yet because of our own limits of requests.

    The run goes back to the queue for ``retry_after`` seconds. The attempt does not count for the retry policy.
    """

    def __init__(self, reason_code: str, message: str, *, seconds: float) -> None:
        super().__init__(reason_code, message, retryable=True, retry_after=max(0.0, seconds))


class Wait(Exception):
    """Raised in a task that depends on an external event that has not occurred yet, such as an approval.

    The run becomes ``waiting`` with this reason. It occupies no worker, but remains active for the concurrency guard.
    After ``seconds`` (greater than 0, at most 7 days) the task runs again from its start, with all attempts of its
    retry policy. If the run is older than the wait limit of its task type, ``Wait`` ends it ``timed_out``. The
    constructor raises ``ValueError`` for other values of ``seconds``.
    """

    def __init__(
        self, reason_code: str, message: str, *, seconds: float, payload: Mapping[str, Any] = _NOTHING
    ) -> None:
        super().__init__(f"{reason_code}: {message}")
        if not (math.isfinite(seconds) and 0 < seconds <= LONGEST_PAUSE):
            raise ValueError(
                f"The seconds to wait must be greater than 0 and at most {LONGEST_PAUSE:.0f}, not {seconds}"
            )
        self.reason_code = checked_reason(reason_code)
        self.message = shown_text(message, MAX_MESSAGE)
        self.seconds = float(seconds)
        self.payload = json_safe(payload)
