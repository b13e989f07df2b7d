"""Access tokens for Microsoft Graph: OAuth2 client credentials, one cached session per provider connection."""

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
"""Seconds before its end at which a token counts as expired."""

SHORTEST_SECRET = 8
"""A shorter text is not hidden: it would be found inside ordinary words."""

SENT_IN_BODY = "client_secret_post"

_GUID = re.compile(GUID_PATTERN)


def external_tenant(connection: Connection) -> str:
    """The connection's tenant id at Microsoft. Raises ``TaskFault`` when it is not a GUID: it goes into addresses."""
    if not _GUID.fullmatch(connection.external_tenant_id):
        raise TaskFault("CONNECTION_INVALID", "The connection's external tenant id is not a GUID.")
    return connection.external_tenant_id


class GraphSession:
    """The OAuth client of one connection, with its secret and current token; its ``repr`` contains neither.

    ``gate`` gives the turns of its tenant's requests.
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
        """Time at which the current token was fetched, on ``time.monotonic()``."""
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
        """One authorised request; its body is not read yet. Transport errors come through as httpx2 raises them."""
        stream: AbstractAsyncContextManager[httpx2.Response] = self._client.stream(method, url, **options)  # pyrefly: ignore[bad-assignment]
        async with stream as response:
            yield response

    async def ensure_token(self, not_older_than: float = 0.0) -> None:
        """Get or renew the token when it is missing, about to expire, or obtained before this monotonic moment.

        Raises ``SignInRefused`` on a permanent error, ``TaskFault`` on a temporary one.
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
                message = f"{self._token_url} sent no token and no OAuth error."
                raise CannotTell(graph_errors.RESPONSE_INVALID, message) from None
            if not isinstance(self._client.token.get("access_token"), str):
                self._client.token = None
                raise CannotTell(graph_errors.RESPONSE_INVALID, f"{self._token_url} sent no access token.")

    @property
    def granted_roles(self) -> frozenset[str] | None:
        """The application permissions in the current token's ``roles`` claim; None when it cannot be read."""
        token = self._client.token
        return roles_claim(token["access_token"]) if token else None

    def redacted(self, text: str) -> str:
        """The text without this connection's secret and token, for error texts that go on."""
        token = self._client.token or {}
        for secret in (self._client.client_secret, token.get("access_token")):
            text = text.replace(secret, "[redacted]") if secret and len(secret) >= SHORTEST_SECRET else text
        return text

    def _check_token_response(self, response: httpx2.Response) -> httpx2.Response:
        if response.status_code == 429:
            raise graph_errors.throttled(self._token_url, retry_after_of(response.headers))
        if response.status_code >= 500:
            why = f"HTTP {response.status_code}"
            raise graph_errors.unavailable(self._token_url, why, retry_after_of(response.headers))
        if 300 <= response.status_code < 400:
            message = f"{self._token_url} answered with a redirect, which is never followed."
            raise CannotTell(graph_errors.REDIRECTED, message)
        return response


class GraphSessions:
    """The sessions of all connections in use; the longest unused one goes when there are too many."""

    def __init__(self, settings: ProviderSettings, transport: SharedTransport) -> None:
        self._settings = settings
        self._transport = transport
        self._gates = TenantGates(requests=settings.tenant_requests, rate=settings.tenant_request_rate)
        self._sessions: OrderedDict[Connection, GraphSession] = OrderedDict()

    def of(self, connection: Connection) -> GraphSession:
        """The session of this connection. Raises ``TaskFault`` when its credential or cloud cannot be used."""
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
        """Read the credential again next time: it may have been replaced."""
        self._sessions.pop(connection, None)


def roles_claim(access_token: str) -> frozenset[str] | None:
    """The ``roles`` of a JWT, unverified: good for showing what was granted, never for granting anything."""
    try:
        payload = access_token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, msgspec.DecodeError):
        return None
    roles = claims.get("roles") if isinstance(claims, dict) else None
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        return None
    return frozenset(roles)
