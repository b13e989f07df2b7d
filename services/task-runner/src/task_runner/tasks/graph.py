"""The interface to Microsoft Graph for tasks, implemented by the providers."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from task_runner.tasks.result import CannotTell

ApiVersion = Literal["v1.0", "beta"]

SHARED = float("inf")
"""As ``max_age``: a reading as old as ONBOARDING_SHARED_READING_SECONDS allows."""


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """One of several reads: path below the API version, query, headers, and the permission that it needs."""

    path: str
    params: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    permission: str | None = None


class GraphRecord(Protocol):
    """The responses that one attempt has received, from Microsoft Graph and from other services."""

    @property
    def first_at(self) -> datetime | None:
        """Time of the earliest response; None if there is none yet."""

    def as_payload(self) -> Mapping[str, Any]:
        """The members of ``provenance`` that describe the responses."""


class Graph(Protocol):
    """Reads and writes Microsoft Graph as the application of one provider connection, until the run's deadline.

    Methods raise ``CannotTell`` on a permanent error, and ``TaskFault`` on an error that another attempt may resolve.
    ``permission`` is the permission that the request needs; it is named in the result if the request is refused.

    ``version`` is that of the API. ``max_age``: an equal request of another run of this process, made with the same
    application and credential up to so many seconds ago, may be used in place of a new one, and equal requests at the
    same time are one. No reading is older than the operator allows, or than the moment at which the run was due; a dry
    run uses none; a write to the tenant ends the readings of it. Give it for checks only, never for a change.

    A write is not sent again if its response was lost, because it may have been processed: the next attempt of the run
    reads what is there.
    """

    @property
    def record(self) -> GraphRecord:
        """The responses that were received."""

    @property
    def credential_expires_at(self) -> datetime | None:
        """The end of the application's certificate, once a token was used; None = not known."""

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        permission: str | None = None,
        headers: Mapping[str, str] | None = None,
        version: ApiVersion = "v1.0",
        max_age: float = 0.0,
    ) -> dict[str, Any]:
        """Return one object, by its path below the API version, for example ``/organization``."""
        ...

    async def list(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        permission: str | None = None,
        headers: Mapping[str, str] | None = None,
        version: ApiVersion = "v1.0",
        max_age: float = 0.0,
    ) -> tuple[Any, ...]:
        """Return all items of a list, from all its pages. Raise ``CannotTell`` if it is too long."""
        ...

    async def read_many(
        self, reads: Sequence[Read], *, max_age: float = 0.0
    ) -> tuple[dict[str, Any] | CannotTell, ...]:
        """Return the body of each read, up to 20 of which are one request; a list has all its items in ``value``.

        In place of a read that was refused stands the exception, which is not raised. Each counts at Microsoft's limits
        as if it were alone.
        """
        ...

    async def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        permission: str | None = None,
        headers: Mapping[str, str] | None = None,
        version: ApiVersion = "v1.0",
    ) -> dict[str, Any]:
        """Create an object, or call an action. Returns the body of the response, empty if it has none."""
        ...

    async def patch(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        etag: str | None = None,
        permission: str | None = None,
        version: ApiVersion = "v1.0",
    ) -> dict[str, Any]:
        """Change members of an object; with ``etag`` only if it still has this ``@odata.etag``."""
        ...

    async def put(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        etag: str | None = None,
        permission: str | None = None,
        version: ApiVersion = "v1.0",
    ) -> dict[str, Any]:
        """Replace an object; with ``etag`` only if it still has this ``@odata.etag``."""
        ...

    async def delete(
        self,
        path: str,
        *,
        etag: str | None = None,
        permission: str | None = None,
        version: ApiVersion = "v1.0",
    ) -> None:
        """Delete an object; with ``etag`` only if it still has this ``@odata.etag``."""
        ...

    async def renew_token(self) -> None:
        """Get a new access token now: what was granted since the last one counts from then on."""
        ...

    async def granted_roles(self) -> frozenset[str] | None:
        """Return the application permissions in the access token; None if it cannot be decoded."""
        ...
