"""The endpoints of the OpenID provider that people sign in with, from its discovery document."""

import asyncio
import time
from collections.abc import Callable

import structlog
from msgspec import Struct

from onboarding_shared.web.discovery import MAX_DOCUMENT_BYTES, DiscoveryError, discovery_url, read_discovery
from onboarding_shared.web.documents import DocumentUnavailable, read_document
from onboarding_shared.web.errors import DependencyDown

FRESH_SECONDS = 3600.0
BELIEVED_SECONDS = 86_400.0
PAUSE_SECONDS = 5.0
_log = structlog.get_logger(__name__)


class Endpoints(Struct, frozen=True, kw_only=True):
    """The members of a discovery document (OpenID Connect Discovery 1.0) that a sign-in needs."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None = None


class OpenIdProvider:
    """Reads the discovery document when it is needed, once an hour; believes the last one for a day."""

    def __init__(self, authority: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.authority = authority.rstrip("/")
        self._clock = clock
        self._known: Endpoints | None = None
        self._read_at = self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def endpoints(self) -> Endpoints:
        """The provider's endpoints. Raises ``DependencyDown`` while none are known."""
        if self._is_due():
            async with self._lock:
                if self._is_due():
                    await self._read()
        if self._known is None or self._clock() - self._read_at >= BELIEVED_SECONDS:
            raise DependencyDown(
                "DEPENDENCY_DOWN", "The identity provider cannot be reached", retry_after=PAUSE_SECONDS
            )
        return self._known

    def _is_due(self) -> bool:
        now = self._clock()
        return now - self._read_at >= FRESH_SECONDS and now - self._tried_at >= PAUSE_SECONDS

    async def _read(self) -> None:
        self._tried_at = self._clock()
        try:
            document = await read_document(discovery_url(self.authority), most_bytes=MAX_DOCUMENT_BYTES)
            self._known = read_discovery(document, self.authority, Endpoints)
            self._read_at = self._clock()
        except (DocumentUnavailable, DiscoveryError) as error:
            _log.warning("discovery_failed", authority=self.authority, reason=repr(error))
