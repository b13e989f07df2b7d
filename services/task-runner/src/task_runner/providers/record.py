"""Records the responses of an attempt, for the provenance of its evidence."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

API_VERSION = "v1.0"
MAX_RESPONSES = 50
LONGEST_URL = 1000


class RecordedResponse(msgspec.Struct, frozen=True, kw_only=True):
    """One response: its tenant at Microsoft, its status, and the SHA-256 of its body.

    Tenant and API version are None for another service than Microsoft Graph. ``permission`` is the permission that the
    task specified for the request, if any, ``collected_at`` the time of the response. ``shared``: another run had sent
    the request.
    """

    external_tenant_id: str | None
    method: str
    url: str
    api_version: str | None = API_VERSION
    status: int
    permission: str | None
    request_id: str | None
    elapsed_ms: int
    body_sha256: str
    collected_at: datetime | None = None
    shared: bool = False


class RecordedList(msgspec.Struct, frozen=True, kw_only=True):
    """One list of which all pages were read."""

    path: str
    pages: int
    items: int


def _now() -> datetime:
    return datetime.now(UTC)


class ResponseRecord:
    """The responses of one attempt: the first 50, and the number of all."""

    def __init__(self, now: Callable[[], datetime] = _now) -> None:
        self.responses: list[RecordedResponse] = []
        self.lists: list[RecordedList] = []
        self.first_at: datetime | None = None
        """Time of the earliest response; None if there is none yet."""
        self.count = 0
        self.bytes_read = 0
        self._versions: list[str] = []
        self._now = now

    def add(self, response: RecordedResponse, size: int) -> None:
        """Add a response, received now if it has no time; ``size`` is the size of its body in bytes."""
        collected_at = response.collected_at or self._now()
        self.first_at = min(self.first_at or collected_at, collected_at)
        self.count += 1
        self.bytes_read += size
        if response.api_version is not None and response.api_version not in self._versions:
            self._versions.append(response.api_version)
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
        """Add a list of which all pages were read."""
        if len(self.lists) < MAX_RESPONSES:
            self.lists.append(RecordedList(path=path, pages=pages, items=items))

    def as_payload(self) -> dict[str, Any]:
        """Return the members of ``provenance`` that describe the responses."""
        return {
            "api_version": ", ".join(self._versions) or (None if self.count else API_VERSION),
            "response_count": self.count,
            "responses": msgspec.to_builtins(self.responses),
            "lists": msgspec.to_builtins(self.lists),
        }
