"""Several reads in one request: https://learn.microsoft.com/graph/json-batching."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from task_runner.providers.graph_errors import RESPONSE_INVALID
from task_runner.providers.record import RecordedResponse
from task_runner.tasks.result import CannotTell

MOST_TOGETHER = 20
"""Microsoft's limit of requests in a batch."""


class BatchedResponse(msgspec.Struct, frozen=True):
    """The response to one of the requests; ``body`` is its JSON as it was sent."""

    id: str
    status: int
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw(b"")

    @property
    def lower_headers(self) -> dict[str, str]:
        """The headers, with names in lower case."""
        return {name.lower(): value for name, value in self.headers.items()}


class _Responses(msgspec.Struct, frozen=True):
    responses: tuple[BatchedResponse, ...]


def batch_body(reads: Mapping[str, tuple[str, Mapping[str, str]]]) -> Mapping[str, Any]:
    """The body of a batch; ``reads`` is id to URL below the API version and headers."""
    return {
        "requests": [
            {"id": name, "method": "GET", "url": url, "headers": {"Accept": "application/json", **headers}}
            for name, (url, headers) in reads.items()
        ]
    }


def responses_in(content: bytes, ids: Sequence[str]) -> dict[str, BatchedResponse]:
    """The response to each of the requests. Raises ``CannotTell`` unless there is exactly one to each."""
    try:
        responses = msgspec.json.decode(content, type=_Responses).responses
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CannotTell(RESPONSE_INVALID, "The response to a batch is not what Microsoft Graph documents.") from None
    if sorted(response.id for response in responses) != sorted(ids):
        raise CannotTell(RESPONSE_INVALID, "The response to a batch does not answer each of its requests.")
    return {response.id: response for response in responses}


def recorded_as(
    outer: RecordedResponse, response: BatchedResponse, url: str, permission: str | None
) -> RecordedResponse:
    """The record of one response of a batch, as if its request had been alone. The hash is that of its body."""
    return msgspec.structs.replace(
        outer,
        method="GET",
        url=url,
        status=response.status,
        permission=permission,
        request_id=response.lower_headers.get("request-id", outer.request_id),
        body_sha256=hashlib.sha256(bytes(response.body)).hexdigest(),
        collected_at=datetime.now(UTC),
    )


def together(count: int) -> Iterator[slice]:
    """The parts of so many reads that fit into one batch each."""
    return (slice(start, start + MOST_TOGETHER) for start in range(0, count, MOST_TOGETHER))
