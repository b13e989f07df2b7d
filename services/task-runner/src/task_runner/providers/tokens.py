"""Access tokens for Microsoft Graph: OAuth 2.0 client credentials, one cached session per provider connection."""

import asyncio
import base64
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx2
import msgspec
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from onboarding_shared.contracts.types import GUID_PATTERN
from task_runner.providers import graph_errors
from task_runner.providers.backoff import retry_after_of
from task_runner.providers.clouds import CloudHosts, cloud_of
from task_runner.providers.credentials import resolve_credential
from task_runner.providers.gates import TenantGate, TenantGates
from task_runner.providers.http import SharedTransport, timeouts
from task_runner.providers.settings import ProviderSettings
from task_runner.tasks.context import Connection
from task_runner.tasks.result import CannotTell, TaskFault

RENEW_BEFORE = 60
"""Seconds before its expiry at which a token is renewed."""

SHORTEST_SECRET = 8
"""Minimum length of a redacted secret; shorter ones could match parts of ordinary words."""

SENT_IN_BODY = "client_secret_post"

_GUID = re.compile(GUID_PATTERN)


def external_tenant(connection: Connection) -> str:
    """Return the connection's tenant id at Microsoft. Raise ``TaskFault`` if it is not a GUID: it is part of URLs."""
    if not _GUID.fullmatch(connection.external_tenant_id):
        raise TaskFault("CONNECTION_INVALID", "The external tenant id of the provider connection is not a GUID.")
    return connection.external_tenant_id


class GraphSession:
    """The OAuth client of one provider connection, with its secret and current token; its ``repr`` contains neither.

    ``gate`` limits the requests to the tenant.
    """

    def __init__(
        self, connection: Connection, settings: ProviderSettings, transport: SharedTransport, gates: TenantGates
    ) -> None:
        tenant = external_tenant(connection)
        self.cloud: CloudHosts = cloud_of(connection.cloud, settings)
        self._token_url = f"{self.cloud.login_url}/{tenant}/oauth2/v2.0/token"
        self.gate: TenantGate = gates.of(tenant)
        self._lock = asyncio.Lock()
        self.token_obtained = 0.0
        """Time of the request for the current token, a ``time.monotonic()`` value."""
        self._client = AsyncOAuth2Client(
            client_id=connection.client_id,
            client_secret=resolve_credential(connection.credential_ref, settings),
            token_endpoint_auth_method=SENT_IN_BODY,
            scope=f"{self.cloud.graph_url}/.default",
            token_endpoint=self._token_url,
            grant_type="client_credentials",
            leeway=0,
            transport=transport,
            timeout=timeouts(settings),
            follow_redirects=False,
            headers={"Accept-Encoding": "identity", "User-Agent": "onboarding-task-runner"},
        )
        self._client.register_compliance_hook("access_token_response", self._check_token_response)

    def __repr__(self) -> str:
        return f"GraphSession({self._token_url})"

    @asynccontextmanager
    async def request(self, method: str, url: str, **options: Any) -> AsyncIterator[httpx2.Response]:
        """Send one authorized request; the body of the response is not read. Raise the transport errors of httpx2."""
        stream: AbstractAsyncContextManager[httpx2.Response] = self._client.stream(method, url, **options)  # pyrefly: ignore[bad-assignment]
        async with stream as response:
            yield response

    async def ensure_token(self, not_older_than: float = 0.0) -> None:
        """Request a token if it is missing, about to expire, or older than ``not_older_than`` (``time.monotonic()``).

        Raise ``SignInRefused`` on a permanent error, ``TaskFault`` on a transient one.
        """
        async with self._lock:
            token = self._client.token
            if token and self.token_obtained >= not_older_than and not token.is_expired(leeway=RENEW_BEFORE):
                return
            try:
                await self._client.fetch_token()
                self.token_obtained = time.monotonic()
            except OAuthError as error:
                raise graph_errors.token_refusal(str(error.error or ""), str(error.description or "")) from None
            except httpx2.TransportError as error:
                raise graph_errors.unavailable(self._token_url, type(error).__name__) from None
            except (httpx2.HTTPStatusError, ValueError):
                message = f"{self._token_url} returned neither a token nor an OAuth error."
                raise CannotTell(graph_errors.RESPONSE_INVALID, message) from None
            if not isinstance(self._client.token.get("access_token"), str):
                self._client.token = None
                raise CannotTell(graph_errors.RESPONSE_INVALID, f"{self._token_url} returned no access token.")

    @property
    def granted_roles(self) -> frozenset[str] | None:
        """The application permissions in the ``roles`` claim of the current token; None if it cannot be decoded."""
        token = self._client.token
        return roles_claim(token["access_token"]) if token else None

    def redacted(self, text: str) -> str:
        """Return the text with this connection's secret and token replaced by ``[redacted]``."""
        token = self._client.token or {}
        for secret in (self._client.client_secret, token.get("access_token")):
            text = text.replace(secret, "[redacted]") if secret and len(secret) >= SHORTEST_SECRET else text
        return text

    def _check_token_response(self, response: httpx2.Response) -> httpx2.Response:
        if response.status_code == 429:
            raise graph_errors.throttled(self._token_url, retry_after_of(response.headers))
        if response.status_code >= 500:
            failure = f"HTTP {response.status_code}"
            raise graph_errors.unavailable(self._token_url, failure, retry_after_of(response.headers))
        if 300 <= response.status_code < 400:
            message = f"{self._token_url} returned a redirect, which is not followed."
            raise CannotTell(graph_errors.REDIRECTED, message)
        return response


class GraphSessions:
    """The cached sessions of provider connections; the least recently used one is removed if there are too many."""

    def __init__(self, settings: ProviderSettings, transport: SharedTransport) -> None:
        self._settings = settings
        self._transport = transport
        self._gates = TenantGates(requests=settings.tenant_requests, rate=settings.tenant_request_rate)
        self._sessions: OrderedDict[Connection, GraphSession] = OrderedDict()

    def of(self, connection: Connection) -> GraphSession:
        """Return the session of this connection. Raise ``TaskFault`` if its credential or cloud cannot be used."""
        session = self._sessions.get(connection)
        if session is None:
            session = self._sessions[connection] = GraphSession(
                connection, self._settings, self._transport, self._gates
            )
            if len(self._sessions) > self._settings.max_sessions:
                self._sessions.popitem(last=False)
        self._sessions.move_to_end(connection)
        return session

    def forget(self, connection: Connection) -> None:
        """Remove the session, so that the next request reads the credential again."""
        self._sessions.pop(connection, None)


def roles_claim(access_token: str) -> frozenset[str] | None:
    """Return the ``roles`` claim of a JWT, without verification: it must not be used for authorization."""
    try:
        payload = access_token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, msgspec.DecodeError):
        return None
    roles = claims.get("roles") if isinstance(claims, dict) else None
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        return None
    return frozenset(roles)
