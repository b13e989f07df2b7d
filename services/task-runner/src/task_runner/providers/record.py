"""Records the responses of an attempt, for the provenance of its evidence."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

MAX_RESPONSES = 50
LONGEST_URL = 1000


class RecordedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One response: its tenant at Microsoft, its status, and the SHA-256 of its body.

    ``permission`` is the one that the task named for the request, if any.
    """

    external_tenant_id: str
    method: str
    url: str
    status: int
    permission: str | None
    request_id: str | None
    elapsed_ms: int
    body_sha256: str
    collected_at: datetime | None = None


class RecordedList(msgspec.Struct, frozen=True, kw_only=True):
    """One list that was read to its end."""

    path: str
    pages: int
    items: int


def _now() -> datetime:
    return datetime.now(UTC)


class ResponseRecord:
    """The responses of one attempt, the first 50 in full and all of them counted."""

    def __init__(self, api_version: str, now: Callable[[], datetime] = _now) -> None:
        self.api_version = api_version
        self.responses: list[RecordedResponse] = []
        self.lists: list[RecordedList] = []
        self.first_at: datetime | None = None
        """Time of the first response, None before it."""
        self.count = 0
        self.bytes_read = 0
        self._now = now

    def add(self, response: RecordedResponse, size: int) -> None:
        """Note one response, collected now; ``size`` is that of its body in bytes."""
        collected_at = self._now()
        self.first_at = self.first_at or collected_at
        self.count += 1
        self.bytes_read += size
        if len(self.responses) < MAX_RESPONSES:
            self.responses.append(
                msgspec.structs.replace(
                    response,
                    url=response.url[:LONGEST_URL],
                    request_id=response.request_id and response.request_id[:100],
                    collected_at=collected_at,
                )
            )

    def add_list(self, *, path: str, pages: int, items: int) -> None:
        """Note that a list was read to its end."""
        if len(self.lists) < MAX_RESPONSES:
            self.lists.append(RecordedList(path=path, pages=pages, items=items))

    def as_payload(self) -> dict[str, Any]:
        """The record as it goes into evidence."""
        return {
            "api_version": self.api_version,
            "response_count": self.count,
            "responses": msgspec.to_builtins(self.responses),
            "lists": msgspec.to_builtins(self.lists),
        }
