"""Requests to Microsoft Graph, their responses, and what an attempt may do with them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from task_runner.providers import graph_errors
from task_runner.providers.limits import Cost
from task_runner.providers.memory import Share
from task_runner.providers.record import RecordedResponse
from task_runner.tasks.result import AttemptDeferred, CannotTell, TaskFault


class GraphRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request: ``version`` is that of the API, ``permission`` the one that it needs, if the task named it."""

    method: str
    url: str
    version: str
    permission: str | None = None
    headers: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None
    cost: Cost | None = None
    """The cost of a batch at Microsoft's limits; None = the cost of this request."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A response that no retry would change: a success, or a refusal. A refusal's text contains no secret of ours."""

    recorded: RecordedResponse
    content: bytes
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """True for a success."""
        return 200 <= self.recorded.status < 300

    def decoded(self, permission: str | None) -> dict[str, Any]:
        """The object in the body. Raises ``CannotTell`` for a refusal and for another body, ``TaskFault`` for a fault.

        ``permission`` is named in a refusal.
        """
        try:
            body = msgspec.json.decode(self.content) if self.content else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = None
        endpoint = without_query(self.recorded.url)
        if not self.ok:
            raise graph_errors.refusal(self.recorded.status, endpoint, body, permission, self.retry_after)
        if not isinstance(body, dict):
            message = f"The response of {endpoint} is not a JSON object."
            raise CannotTell(graph_errors.RESPONSE_INVALID, message)
        return body


class AttemptLimits(NamedTuple):
    """The limits of an attempt: until ``deadline``, and with ``read_only`` no change and no shared reading.

    ``readings_since`` is the earliest moment of a shared reading; both are on ``time.monotonic()``. ``deferrals`` is
    how often the run went back to the queue, ``memory`` what the attempt holds of the memory for answers.
    """

    deadline: float
    memory: Share
    run_id: int = 0
    read_only: bool = False
    readings_since: float = float("-inf")
    deferrals: int = 0


def without_query(url: str) -> str:
    """The URL without its query."""
    return url.partition("?")[0]


def copied(fault: TaskFault) -> TaskFault:
    """The same fault for another attempt, which adds its own provenance to it."""
    if isinstance(fault, AttemptDeferred):
        return AttemptDeferred(fault.reason_code, fault.message, seconds=fault.retry_after or 0.0)
    return TaskFault(
        fault.reason_code,
        fault.message,
        retryable=fault.retryable,
        retry_after=fault.retry_after,
        payload=fault.payload,
    )
