"""One request to Microsoft Graph of one attempt: signs in, waits for its turn, retries, and records the responses."""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
import stamina

from task_runner.providers import graph_errors
from task_runner.providers.backoff import FIRST_WAIT, JITTER, LONGEST_BACKOFF, backoff_hook, retry_after_of
from task_runner.providers.graph_errors import CredentialPending, SignInRefused
from task_runner.providers.http import TOO_LARGE
from task_runner.providers.record import RecordedResponse, ResponseRecord
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.providers.tokens import GraphSession, GraphSessions
from task_runner.tasks.result import CannotTell, TaskFault

MARGIN = 0.25
"""Seconds before the run's deadline at which a request gives up, so that the run can still report the reason."""
CERTIFICATE_RETRIES = 3
"""Further token requests with a certificate that is not known everywhere yet."""


class GraphRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request: ``version`` is that of the API, ``permission`` the one that it needs, if the task named it."""

    method: str
    url: str
    version: str
    permission: str | None = None
    headers: Mapping[str, str] = {}
    body: Mapping[str, Any] | None = None


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
        except (msgspec.DecodeError, UnicodeDecodeError):
            body = None
        endpoint = without_query(self.recorded.url)
        if not self.ok:
            raise graph_errors.refusal(self.recorded.status, endpoint, body, permission, self.retry_after)
        if not isinstance(body, dict):
            message = f"The response of {endpoint} is not a JSON object."
            raise CannotTell(graph_errors.RESPONSE_INVALID, message)
        return body


class GraphRequests:
    """Sends the requests of one attempt to one tenant, until the deadline; ``record`` gets every response."""

    def __init__(
        self,
        use: TenantConnection,
        sessions: GraphSessions,
        settings: ProviderSettings,
        deadline: float,
        record: ResponseRecord,
    ) -> None:
        self.record = record
        self.credential_expires_at: datetime | None = None
        """The end of the credential, once a token was used; None = not known."""
        self._use = use
        self._sessions = sessions
        self._settings = settings
        self._deadline = deadline

    async def send(self, request: GraphRequest) -> Answer:
        """Return the response, after retries. Raises ``TaskFault`` for a fault that another attempt may resolve.

        Raises ``SignInRefused``, and ``CannotTell`` if the response is too large.
        """
        hook = backoff_hook(
            repeatable=request.method == "GET", longest_wait=self._settings.longest_wait, remaining=self.remaining
        )
        caller = stamina.AsyncRetryingCaller(
            attempts=self._settings.attempts,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_BACKOFF,
            wait_jitter=JITTER,
        )
        return await caller(hook, self._send, request)

    def remaining(self) -> float:
        """Seconds until a request gives up, negative after it."""
        return self._deadline - MARGIN - time.monotonic()

    async def ready_session(self, not_older_than: float = 0.0) -> GraphSession:
        """The session with a token that is valid, and not older than this ``time.monotonic()``."""
        retries = 0
        while True:
            try:
                return await self._signed_in(not_older_than)
            except CredentialPending:
                retries += 1
                if retries > CERTIFICATE_RETRIES or self.remaining() <= self._settings.certificate_wait:
                    raise
            await asyncio.sleep(self._settings.certificate_wait)

    async def _send(self, request: GraphRequest) -> Answer:
        started = time.monotonic()
        session = await self.ready_session()
        obtained = session.token_obtained  # of the token that is sent: another run can renew it during the request
        answer = await self._exchange(session, request)
        if answer.recorded.status in (401, 403) and obtained < started:
            # The token was cached: it may be revoked, or lack permissions that were granted since.
            session = await self.ready_session(not_older_than=started)
            answer = await self._exchange(session, request)
        if not answer.ok:
            with suppress(CannotTell):  # a refusal is an answer, and a fault is retried
                answer.decoded(request.permission)
        return answer

    async def _signed_in(self, not_older_than: float) -> GraphSession:
        session = self._sessions.of(self._use)
        try:
            async with asyncio.timeout(self._limit()):
                await session.ensure_token(not_older_than)
        except (SignInRefused, CredentialPending):
            self._sessions.forget(self._use)
            raise
        except TimeoutError:
            raise graph_errors.unavailable("The token service", "no answer in time") from None
        self.credential_expires_at = session.credential_expires_at
        return session

    async def _exchange(self, session: GraphSession, request: GraphRequest) -> Answer:
        endpoint = without_query(request.url)
        options: dict[str, Any] = {"headers": {"Accept": "application/json", **request.headers}}
        if request.body is not None:
            options["json"] = dict(request.body)
        async with session.gate.turn(self.remaining()):
            started = time.monotonic()
            try:
                async with (
                    asyncio.timeout(self._limit()),
                    session.request(request.method, request.url, **options) as response,
                ):
                    content = await _read(response, self._settings.max_response_bytes, endpoint)
            except TimeoutError:
                raise graph_errors.unavailable(endpoint, "no response in time") from None
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                raise graph_errors.unavailable(endpoint, type(error).__name__) from None
        recorded = RecordedResponse(
            external_tenant_id=self._use.connection.external_tenant_id,
            method=request.method,
            url=request.url,
            api_version=request.version,
            status=response.status_code,
            permission=request.permission,
            request_id=response.headers.get("request-id"),
            elapsed_ms=round((time.monotonic() - started) * 1000),
            body_sha256=hashlib.sha256(content).hexdigest(),
            collected_at=datetime.now(UTC),
        )
        self.record.add(recorded, size=len(content))
        kept = content if response.is_success else _redacted(session, content)
        return Answer(recorded=recorded, content=kept, retry_after=retry_after_of(response.headers))

    def _limit(self) -> float:
        return max(0.0, min(self._settings.request_timeout, self.remaining()))


def without_query(url: str) -> str:
    """The URL without its query."""
    return url.partition("?")[0]


def copied(fault: TaskFault) -> TaskFault:
    """The same fault for another attempt, which adds its own provenance to it."""
    return TaskFault(
        fault.reason_code,
        fault.message,
        retryable=fault.retryable,
        retry_after=fault.retry_after,
        payload=fault.payload,
    )


def _redacted(session: GraphSession, content: bytes) -> bytes:
    try:
        return session.redacted(content.decode()).encode()
    except UnicodeDecodeError:
        return b""


async def _read(response: httpx2.Response, limit: int, endpoint: str) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > limit:
            raise CannotTell(TOO_LARGE, f"The response of {endpoint} exceeds {limit} bytes.")
    return bytes(content)
