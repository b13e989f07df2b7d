"""The interface to Microsoft Graph for tasks, implemented by the providers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol


class GraphRecord(Protocol):
    """The responses that one attempt has read."""

    @property
    def first_at(self) -> datetime | None:
        """Time of the first response, None before it."""

    def as_payload(self) -> Mapping[str, Any]:
        """The members of ``provenance`` that describe the responses."""


class Graph(Protocol):
    """Reads and writes Microsoft Graph as the application of one connection, until the run's deadline.

    Every method raises ``CannotTell`` when Graph refuses, and ``TaskFault`` when another attempt may help.
    ``permission`` is the one that Graph asks for; it is named in the result where the request is refused.
    """

    @property
    def record(self) -> GraphRecord:
        """The responses that were read."""

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
    ) -> dict[str, Any]:
        """One object, by its path below the API version, for example ``/organization``."""
        ...

    async def list(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        permission: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, ...]:
        """Every item of a list, paged to the end. Raises ``CannotTell`` where it is too long."""
        ...

    async def post(self, path: str, body: Mapping[str, Any], *, permission: str | None = None) -> dict[str, Any]:
        """Create an object. The request is not repeated after a lost answer."""
        ...

    async def renew_token(self) -> None:
        """Get a new access token now: what was granted since the last one counts from then on."""
        ...

    async def granted_roles(self) -> frozenset[str] | None:
        """The application permissions in the access token; None when it cannot be read."""
        ...
