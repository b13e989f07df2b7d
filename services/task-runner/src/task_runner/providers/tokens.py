"""Access tokens for Microsoft Graph: OAuth 2.0 client credentials, one cached session per provider connection."""

import asyncio
import base64
import re
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any, NamedTuple

import httpx2
import msgspec
from authlib.common.urls import add_params_to_qs
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc6749 import OAuth2Token

from onboarding_shared.contracts.clouds import CloudHosts
from onboarding_shared.contracts.types import GUID_PATTERN
from task_runner.providers import graph_errors
from task_runner.providers.backoff import retry_after_of
from task_runner.providers.clouds import cloud_of
from task_runner.providers.credentials.choice import Credentials
from task_runner.providers.credentials.proof import Credential, Proof
from task_runner.providers.gates import TenantGate, TenantGates
from task_runner.providers.http import SharedTransport, timeouts
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import Identity, TenantConnection
from task_runner.tasks.context import Connection
from task_runner.tasks.result import CannotTell, TaskFault

RENEW_BEFORE = 60
"""Seconds before its expiry at which a token is renewed."""

SHORTEST_SECRET = 8
"""Minimum length of a redacted secret; shorter ones could match parts of ordinary words."""

NO_PROOF = Proof({})


class KeptToken(NamedTuple):
    """The token of a session that was closed, and what else of it has to go on with the token."""

    token: OAuth2Token
    obtained: float
    hidden: tuple[str, ...]
    credential_expires_at: datetime | None

    def __repr__(self) -> str:
        return "KeptToken(…)"


_GUID = re.compile(GUID_PATTERN)


def external_tenant(connection: Connection) -> str:
    """Return the connection's tenant id at Microsoft. Raise ``TaskFault`` if it is not a GUID: it is part of URLs."""
    if not _GUID.fullmatch(connection.external_tenant_id):
        raise TaskFault("CONNECTION_INVALID", "The external tenant id of the provider connection is not a GUID.")
    return connection.external_tenant_id


class _Client(AsyncOAuth2Client):
    """An OAuth client that has an expired token renewed by its session, where Authlib would repeat the last proof."""

    def __init__(self, renew: Callable[[], Awaitable[None]], **options: Any) -> None:
        super().__init__(**options)
        self._renew = renew

    async def ensure_active_token(self, token: Any) -> None:
        if token.is_expired(leeway=0):
            await self._renew()


class GraphSession:
    """The OAuth client of one connection, with its credential and current token; its ``repr`` contains neither.

    ``gate`` limits the requests to the tenant.
    """

    def __init__(
        self,
        connection: Connection,
        credential: Credential,
        settings: ProviderSettings,
        transport: SharedTransport,
        gates: TenantGates,
        kept: KeptToken | None = None,
    ) -> None:
        self.credential = credential
        self._proof = NO_PROOF
        self._hidden: tuple[str, ...] = ()
        self.credential_expires_at: datetime | None = None
        """The end of the credential itself, once a token was requested; None = not known."""
        tenant = external_tenant(connection)
        self.cloud: CloudHosts = cloud_of(connection.cloud, settings)
        self._token_url = f"{self.cloud.login_url}/{tenant}/oauth2/v2.0/token"
        self.gate: TenantGate = gates.of(tenant)
        self._lock = asyncio.Lock()
        self.token_obtained = 0.0
        """Time at which the current token was fetched, on ``time.monotonic()``."""
        self._client_id = connection.client_id
        self._client = _Client(
            self.ensure_token,
            client_id=connection.client_id,
            token_endpoint_auth_method=self._add_proof,
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
        if kept is not None:
            self._client.token = kept.token
            _, self.token_obtained, self._hidden, self.credential_expires_at = kept

    @property
    def kept(self) -> KeptToken | None:
        """The current token, for a later session; None = there is none."""
        token = self._client.token
        return KeptToken(token, self.token_obtained, self._hidden, self.credential_expires_at) if token else None

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
            self._proof = await self.credential.prove(self._token_url)
            self._hidden, self.credential_expires_at = self._proof.hidden, self._proof.expires_at
            try:
                await self._client.fetch_token()
                self.token_obtained = time.monotonic()
            except httpx2.TransportError as error:
                raise graph_errors.unavailable(self._token_url, type(error).__name__) from None
            except (httpx2.HTTPStatusError, ValueError):
                message = f"{self._token_url} returned neither a token nor an OAuth error."
                raise CannotTell(graph_errors.RESPONSE_INVALID, message) from None
            finally:
                self._proof = NO_PROOF
            if not isinstance(self._client.token.get("access_token"), str):
                self._client.token = None
                raise CannotTell(graph_errors.RESPONSE_INVALID, f"{self._token_url} returned no access token.")

    @property
    def granted_roles(self) -> frozenset[str] | None:
        """The application permissions in the ``roles`` claim of the current token; None if it cannot be decoded."""
        token = self._client.token
        return roles_claim(token["access_token"]) if token else None

    def redacted(self, text: str) -> str:
        """The text without this connection's credential and token, for error texts that go on."""
        token = self._client.token or {}
        for secret in (*self._hidden, token.get("access_token")):
            text = text.replace(secret, "[redacted]") if secret and len(secret) >= SHORTEST_SECRET else text
        return text

    def _add_proof(self, _: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
        """Add client id and proof to the body of a token request, as Authlib calls it."""
        members = [("client_id", self._client_id), *self._proof.members.items()]
        return uri, headers, add_params_to_qs(body or "", members)

    def _check_token_response(self, response: httpx2.Response) -> httpx2.Response:
        if response.status_code == 429:
            raise graph_errors.throttled(self._token_url, retry_after_of(response.headers))
        if response.status_code >= 500:
            failure = f"HTTP {response.status_code}"
            raise graph_errors.unavailable(self._token_url, failure, retry_after_of(response.headers))
        if 300 <= response.status_code < 400:
            message = f"{self._token_url} returned a redirect, which is not followed."
            raise CannotTell(graph_errors.REDIRECTED, message)
        if refusal := graph_errors.token_refusal_in(response.json()):
            raise refusal
        return response


class GraphSessions:
    """The cached sessions of provider connections; the least recently used one is removed if there are too many.

    Its token, which is much smaller, is kept longer.
    """

    def __init__(self, settings: ProviderSettings, transport: SharedTransport, credentials: Credentials) -> None:
        self._settings = settings
        self._credentials = credentials
        self._transport = transport
        self._gates = TenantGates(
            requests=settings.tenant_requests,
            rate=settings.tenant_request_rate,
            services=settings.service_limits,
            partner=settings.partner_tenant_id,
        )
        self._sessions: OrderedDict[Identity, GraphSession] = OrderedDict()
        self._tokens: OrderedDict[Identity, KeptToken] = OrderedDict()

    def of(self, use: TenantConnection) -> GraphSession:
        """The session of a connection. Connections to one tenant with one application and credential share it.

        Raises ``TaskFault`` when the tenant must not use the credential, or the cloud cannot be used.
        """
        credential, identity = self._credentials.of(use), Identity.of(use.connection)
        session = self._sessions.get(identity)
        if session is None:
            kept = self._tokens.pop(identity, None)
            session = self._sessions[identity] = GraphSession(
                use.connection, credential, self._settings, self._transport, self._gates, kept
            )
            if len(self._sessions) > self._settings.max_sessions:
                self._keep_token(*self._sessions.popitem(last=False))
        self._sessions.move_to_end(identity)
        return session

    def _keep_token(self, identity: Identity, session: GraphSession) -> None:
        if (kept := session.kept) is not None:
            self._tokens[identity] = kept
        if len(self._tokens) > self._settings.max_tokens:
            self._tokens.popitem(last=False)

    def forget(self, use: TenantConnection) -> None:
        """Keep neither token nor assertion: the credential may have been replaced."""
        identity = Identity.of(use.connection)
        self._tokens.pop(identity, None)
        if session := self._sessions.pop(identity, None):
            session.credential.forget()


def roles_claim(access_token: str) -> frozenset[str] | None:
    """The ``roles`` of a JWT, unverified: good for showing what was granted, never for granting anything.

    A token without that claim names no permission; None is a token that cannot be read.
    """
    try:
        payload = access_token.split(".")[1]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, msgspec.DecodeError, RecursionError):
        return None
    roles = claims.get("roles", []) if isinstance(claims, dict) else None
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        return None
    return frozenset(roles)
