"""The Microsoft Graph client of one run: authenticates, retries, limits and records its requests."""

import asyncio
import hashlib
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx2
import msgspec
import stamina

from task_runner.providers import graph_errors
from task_runner.providers.backoff import FIRST_WAIT, JITTER, LONGEST_BACKOFF, backoff_hook, retry_after_of
from task_runner.providers.dry_run import refuse_write
from task_runner.providers.graph_errors import CredentialPending, GraphRefused, SignInRefused
from task_runner.providers.http import TOO_LARGE
from task_runner.providers.record import RecordedResponse, ResponseRecord
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.providers.tokens import GraphSession, GraphSessions
from task_runner.tasks.result import CannotTell

__all__ = ["API_VERSION", "GraphClient", "GraphRefused", "SignInRefused"]

API_VERSION = "v1.0"
MARGIN = 0.25
"""Seconds before the run's deadline at which a request gives up, so that the run can still report the reason."""
CERTIFICATE_RETRIES = 3
"""Further token requests with a certificate that is not known everywhere yet."""

Params = Mapping[str, str]


class GraphClient:
    """Reads and writes Microsoft Graph as the application of one connection, until the run's deadline.

    ``record`` contains the responses. Every method raises ``GraphRefused`` or ``SignInRefused`` (``CannotTell``) on a
    refusal, and ``TaskFault`` when another attempt may help. ``permission`` is named when it is refused.
    """

    def __init__(
        self,
        use: TenantConnection,
        sessions: GraphSessions,
        settings: ProviderSettings,
        deadline: float,
        record: ResponseRecord | None = None,
        *,
        read_only: bool = False,
    ) -> None:
        """With ``record`` the client notes its responses there, beside those of another client.

        With ``read_only`` it raises ``TaskFault`` on every request that is not a read, and sends nothing.
        """
        self._read_only = read_only
        self.record = record or ResponseRecord(API_VERSION)
        self._use = use
        self._sessions = sessions
        self.credential_expires_at: datetime | None = None
        """The end of the credential, once a token was used; None = not known."""
        self._settings = settings
        self._deadline = deadline

    async def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        permission: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One object, by its path below the API version, for example ``/organization``."""
        return await self._with_retries("GET", self._url(path, params), permission, headers, None)

    async def list(
        self,
        path: str,
        params: Params | None = None,
        *,
        permission: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, ...]:
        """Every item of a list, paged to the end. Raises ``CannotTell`` when it is too long, or leaves the host."""
        items: list[Any] = []
        url, visited, budget = self._url(path, params), set[str](), self._settings.max_list_bytes
        while url not in visited:
            visited.add(url)
            if len(visited) > self._settings.max_pages or budget < 0:
                raise CannotTell(TOO_LARGE, f"The list {path} is longer than this service reads.")
            before = self.record.bytes_read
            page = await self._with_retries("GET", url, permission, headers, None)
            budget -= self.record.bytes_read - before
            value, following = page.get("value"), page.get("@odata.nextLink")
            if not isinstance(value, list):
                raise CannotTell(graph_errors.RESPONSE_INVALID, f"The answer to {path} holds no list.")
            items.extend(value)
            if following is None:
                self.record.add_list(path=path, pages=len(visited), items=len(items))
                return tuple(items)
            url = self._same_host(following, path)
        raise CannotTell(graph_errors.RESPONSE_INVALID, f"The pages of {path} run in a circle.")

    async def post(self, path: str, body: Mapping[str, Any], *, permission: str | None = None) -> dict[str, Any]:
        """Create something. Not sent again after a lost answer: read first what is there, then run the task again."""
        return await self._with_retries("POST", self._url(path, None), permission, None, body)

    async def renew_token(self) -> None:
        """Get a new access token: an older one names the permissions of its time."""
        await self._ready_session(not_older_than=time.monotonic())

    async def granted_roles(self) -> frozenset[str] | None:
        """The application permissions that the access token itself names; None when it cannot be read."""
        session = await self._ready_session()
        return session.granted_roles

    async def _with_retries(
        self,
        method: str,
        url: str,
        permission: str | None,
        headers: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        if self._read_only:
            refuse_write(method, url)
        hook = backoff_hook(
            repeatable=method == "GET", longest_wait=self._settings.longest_wait, remaining=self._remaining
        )
        caller = stamina.AsyncRetryingCaller(
            attempts=self._settings.attempts,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_BACKOFF,
            wait_jitter=JITTER,
        )
        return await caller(hook, self._answer, method, url, permission, headers, body)

    async def _answer(
        self,
        method: str,
        url: str,
        permission: str | None,
        headers: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        started = time.monotonic()
        session = await self._ready_session()
        obtained = session.token_obtained  # of the token that goes out: another task may renew it meanwhile
        response, content = await self._exchange(session, method, url, permission, headers, body)
        if response.status_code in (401, 403) and obtained < started:
            # An older token may be revoked, or name fewer permissions than were granted since.
            session = await self._ready_session(not_older_than=started)
            response, content = await self._exchange(session, method, url, permission, headers, body)
        return self._decoded(session, response, content, url, permission)

    async def _ready_session(self, not_older_than: float = 0.0) -> GraphSession:
        retries = 0
        while True:
            try:
                return await self._signed_in(not_older_than)
            except CredentialPending:
                retries += 1
                if retries > CERTIFICATE_RETRIES or self._remaining() <= self._settings.certificate_wait:
                    raise
            await asyncio.sleep(self._settings.certificate_wait)

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

    async def _exchange(
        self,
        session: GraphSession,
        method: str,
        url: str,
        permission: str | None,
        headers: Mapping[str, str] | None,
        body: Mapping[str, Any] | None,
    ) -> tuple[httpx2.Response, bytes]:
        where = _shown(url)
        options: dict[str, Any] = {"headers": {"Accept": "application/json", **(headers or {})}}
        if body is not None:
            options["json"] = dict(body)
        async with session.gate.turn(self._remaining()):
            started = time.monotonic()
            try:
                async with asyncio.timeout(self._limit()), session.request(method, url, **options) as response:
                    content = await _read(response, self._settings.max_response_bytes, where)
            except TimeoutError:
                raise graph_errors.unavailable(where, "no answer in time") from None
            except (httpx2.TransportError, httpx2.DecodingError) as error:
                raise graph_errors.unavailable(where, type(error).__name__) from None
        recorded = RecordedResponse(
            external_tenant_id=self._use.connection.external_tenant_id,
            method=method,
            url=url,
            status=response.status_code,
            permission=permission,
            request_id=response.headers.get("request-id"),
            elapsed_ms=round((time.monotonic() - started) * 1000),
            body_sha256=hashlib.sha256(content).hexdigest(),
        )
        self.record.add(recorded, size=len(content))
        return response, content

    def _decoded(
        self, session: GraphSession, response: httpx2.Response, content: bytes, url: str, permission: str | None
    ) -> dict[str, Any]:
        try:
            text = content.decode() if response.is_success else session.redacted(content.decode())
            body = msgspec.json.decode(text) if text else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            body = None
        if not response.is_success:
            retry_after = retry_after_of(response.headers)
            raise graph_errors.refusal(response.status_code, _shown(url), body, permission, retry_after)
        if not isinstance(body, dict):
            raise CannotTell(graph_errors.RESPONSE_INVALID, f"{_shown(url)} did not answer with a JSON object.")
        return body

    def _url(self, path: str, params: Params | None) -> str:
        cloud = self._sessions.of(self._use).cloud
        return str(httpx2.URL(f"{cloud.graph_url}/{API_VERSION}{path}", params=params))

    def _same_host(self, link: object, path: str) -> str:
        own = httpx2.URL(self._sessions.of(self._use).cloud.graph_url)
        try:
            url = httpx2.URL(link) if isinstance(link, str) else None
        except httpx2.InvalidURL:
            url = None
        if url is None or (url.scheme, url.host, url.port) != (own.scheme, own.host, own.port) or url.userinfo:
            raise CannotTell("GRAPH_LINK_REFUSED", f"The next page of {path} is at another host; it was not followed.")
        return str(url)

    def _remaining(self) -> float:
        return self._deadline - MARGIN - time.monotonic()

    def _limit(self) -> float:
        return max(0.0, min(self._settings.request_timeout, self._remaining()))


async def _read(response: httpx2.Response, limit: int, where: str) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > limit:
            raise CannotTell(TOO_LARGE, f"{where} sent more than {limit} bytes.")
    return bytes(content)


def _shown(url: str) -> str:
    return url.partition("?")[0]
