"""The Microsoft Graph client of one run: reads objects and lists, shares readings, and writes."""

import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx2
import msgspec

from task_runner.providers import graph_errors
from task_runner.providers.dry_run import refuse_write
from task_runner.providers.graph_errors import GraphRefused, SignInRefused
from task_runner.providers.http import TOO_LARGE
from task_runner.providers.memory import DECODED_FACTOR
from task_runner.providers.messages import Answer, AttemptLimits, GraphRequest
from task_runner.providers.pages import Page, cut
from task_runner.providers.readings import Pages, ReadingKey, SharedReadings, as_shared
from task_runner.providers.record import ResponseRecord
from task_runner.providers.requests import GraphRequests
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.providers.tokens import GraphSessions
from task_runner.tasks.graph import ApiVersion, Read
from task_runner.tasks.result import CannotTell

__all__ = ["GraphClient", "GraphRefused", "SignInRefused"]

Params = Mapping[str, str]
Headers = Mapping[str, str]


class SharedParts(NamedTuple):
    """The parts that all clients of the process share."""

    settings: ProviderSettings
    sessions: GraphSessions
    readings: SharedReadings


class GraphClient:
    """Reads and writes Microsoft Graph as the application of one provider connection, until the run's deadline.

    ``record`` contains the responses. Methods raise ``GraphRefused`` or ``SignInRefused`` (both ``CannotTell``) on a
    permanent error, and ``TaskFault`` on an error that another attempt may resolve. ``permission`` is the permission
    that the request needs; it is named if the request is refused. ``version`` is that of the API. ``max_age``: a
    reading that another run of this process made up to so many seconds ago may be used, within the limits of
    ``SharedReadings`` and of the run.
    """

    def __init__(
        self, use: TenantConnection, parts: SharedParts, limits: AttemptLimits, record: ResponseRecord | None = None
    ) -> None:
        """With ``record`` the client notes its responses there, beside those of another client.

        Read-only, it raises ``TaskFault`` on every request that is not a read, and sends nothing.
        """
        self._limits = limits
        self._use = use
        self._settings, self._sessions, self._readings = parts
        self._requests = GraphRequests(use, self._sessions, self._settings, limits, record or ResponseRecord())

    @property
    def record(self) -> ResponseRecord:
        """The responses of the run."""
        return self._requests.record

    @property
    def credential_expires_at(self) -> datetime | None:
        """The end of the credential, once a token was used; None = not known."""
        return self._requests.credential_expires_at

    async def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        permission: str | None = None,
        headers: Headers | None = None,
        version: ApiVersion = "v1.0",
        max_age: float = 0.0,
    ) -> dict[str, Any]:
        """Return one object, by its path below the API version, for example ``/organization``."""
        request = self._read(path, params, permission, headers, version)

        async def ask() -> Pages:
            return (await self._requests.send(request),)

        (answer,) = await self._shared(request, max_age, ask)
        return await self._decoded(answer, permission)

    async def list(
        self,
        path: str,
        params: Params | None = None,
        *,
        permission: str | None = None,
        headers: Headers | None = None,
        version: ApiVersion = "v1.0",
        max_age: float = 0.0,
    ) -> tuple[Any, ...]:
        """Return all items of a list, from all its pages. Raise ``CannotTell`` if it exceeds the limits."""
        request = self._read(path, params, permission, headers, version)

        async def ask() -> Pages:
            return await self._pages(request, path)

        pages = await self._shared(request, max_age, ask)
        items = [item for page in pages for item in (await self._decoded(page, permission))["value"]]
        self.record.add_list(path=path, pages=len(pages), items=len(items))
        return tuple(items)

    async def read_many(
        self, reads: Sequence[Read], *, max_age: float = 0.0
    ) -> tuple[dict[str, Any] | CannotTell, ...]:
        """Return the object or the whole list of each read, in as few requests as possible; of a refused one, why."""
        if not reads:
            return ()
        requests = [self._read(read.path, read.params, read.permission, read.headers, "v1.0") for read in reads]
        root = self._url("", None, "v1.0")

        async def ask() -> Pages:
            first = await self._requests.send_together(requests, root)
            pairs = zip(requests, first, strict=True)
            return tuple([page for request, answer in pairs for page in await self._with_following(request, answer)])

        together = msgspec.structs.replace(
            requests[0], url="\n".join(f"{request.url} {sorted(request.headers.items())}" for request in requests)
        )
        pages = deque(await self._shared(together, max_age, ask))
        return tuple([await self._merged(read, request, pages) for read, request in zip(reads, requests, strict=True)])

    async def post(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        permission: str | None = None,
        headers: Headers | None = None,
        version: ApiVersion = "v1.0",
    ) -> dict[str, Any]:
        """Create an object, or call an action. The request is not retried if its response was lost."""
        return await self._write("POST", path, body, permission, headers or {}, version)

    async def patch(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        etag: str | None = None,
        permission: str | None = None,
        version: ApiVersion = "v1.0",
    ) -> dict[str, Any]:
        """Change members of an object. The request is not retried if its response was lost."""
        return await self._write("PATCH", path, body, permission, _if_match(etag), version)

    async def put(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        etag: str | None = None,
        permission: str | None = None,
        version: ApiVersion = "v1.0",
    ) -> dict[str, Any]:
        """Replace an object. The request is not retried if its response was lost."""
        return await self._write("PUT", path, body, permission, _if_match(etag), version)

    async def delete(
        self,
        path: str,
        *,
        etag: str | None = None,
        permission: str | None = None,
        version: ApiVersion = "v1.0",
    ) -> None:
        """Delete an object. The request is not retried if its response was lost."""
        await self._write("DELETE", path, None, permission, _if_match(etag), version)

    async def renew_token(self) -> None:
        """Get a new access token: an older one names the permissions of its time."""
        await self._requests.ready_session(not_older_than=time.monotonic())

    async def granted_roles(self) -> frozenset[str] | None:
        """Return the application permissions in the access token; None if it cannot be decoded."""
        session = await self._requests.ready_session()
        return session.granted_roles

    def _read(
        self, path: str, params: Params | None, permission: str | None, headers: Headers | None, version: ApiVersion
    ) -> GraphRequest:
        return GraphRequest(
            method="GET",
            url=self._url(path, params, version),
            version=version,
            permission=permission,
            headers=headers or {},
        )

    async def _write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
        permission: str | None,
        headers: Headers,
        version: ApiVersion,
    ) -> dict[str, Any]:
        url = self._url(path, None, version)
        if self._limits.read_only:
            refuse_write(method, url)
        request = GraphRequest(
            method=method, url=url, version=version, permission=permission, headers=headers, body=body
        )
        try:
            answer = await self._requests.send(request)
        finally:
            self._readings.drop(self._use)  # a lost response may have been a change
        return answer.decoded(permission) if answer.content or not answer.ok else {}

    async def _shared(self, request: GraphRequest, max_age: float, ask: Callable[[], Awaitable[Pages]]) -> Pages:
        """The responses to a read, which those of another run may replace. Raises as ``ask`` does."""
        age = min(max_age, self._readings.longest)
        if self._limits.read_only or age <= 0:
            return await ask()
        since = max(time.monotonic() - age, self._limits.readings_since)
        key = ReadingKey.of(self._use, request.url, request.headers)
        reading = await self._readings.read(key, since, self._requests.remaining, ask)
        if not reading.shared:
            return reading.pages
        pages = tuple(as_shared(page) for page in reading.pages)
        for page in pages:
            self.record.add(page.recorded, size=len(page.content))
        return pages

    async def _decoded(self, answer: Answer, permission: str | None) -> dict[str, Any]:
        """The object in the body. What was decoded is counted for the attempt, and no longer the body itself."""
        size = len(answer.content)
        await self._limits.memory.reserve(size * DECODED_FACTOR)
        body = answer.decoded(permission)
        if not answer.recorded.shared:
            self._limits.memory.give_back(size)
        return body

    async def _pages(self, request: GraphRequest, path: str) -> Pages:
        """Read every page. Raises ``CannotTell`` if one is refused, is no page, or leads elsewhere."""
        pages: list[Answer] = []
        visited, budget = set[str](), self._settings.max_list_bytes
        while request.url not in visited:
            visited.add(request.url)
            if len(visited) > self._settings.max_pages or budget < 0:
                raise CannotTell(TOO_LARGE, f"The list {path} exceeds the limit of pages or bytes.")
            answer = await self._requests.send(request)
            if not answer.ok:
                return (answer,)
            budget -= len(answer.content)
            page = _page(answer, request)
            if not page.is_list:
                raise CannotTell(graph_errors.RESPONSE_INVALID, f"The response of {path} contains no list.")
            self._limits.memory.give_back(len(answer.content) - len(page.content))
            pages.append(msgspec.structs.replace(answer, content=page.content))
            if page.following is None:
                return tuple(pages)
            request = msgspec.structs.replace(request, url=self._same_host(page.following, path))
        raise CannotTell(graph_errors.RESPONSE_INVALID, f"A page of {path} links to an earlier page.")

    async def _with_following(self, request: GraphRequest, answer: Answer) -> Pages:
        """The page and those that follow it, which are asked for with the same headers."""
        link = _page(answer, request).following if answer.ok else None
        if link is None:
            return (answer,)
        path = request.url.partition("?")[0]
        next_page = msgspec.structs.replace(request, url=self._same_host(link, path))
        return (answer, *await self._pages(next_page, path))

    async def _merged(self, read: Read, request: GraphRequest, pages: deque[Answer]) -> dict[str, Any] | CannotTell:
        """Take the pages of a read from the front of ``pages``: up to one without a link, or a refusal."""
        items: list[Any] = []
        number = 0
        while True:
            number += 1
            try:
                body = await self._decoded(pages.popleft(), request.permission)
            except CannotTell as refused:
                return refused
            if not isinstance(body.get("value"), list):
                return body
            items += body["value"]
            if body.get("@odata.nextLink") is None:
                self.record.add_list(path=read.path, pages=number, items=len(items))
                return {**body, "value": items}

    def _url(self, path: str, params: Params | None, version: ApiVersion) -> str:
        cloud = self._sessions.of(self._use).cloud
        query = f"?{urlencode(params)}" if params else ""
        return f"{cloud.graph_url}/{version}{path}{query}"

    def _same_host(self, link: object, path: str) -> str:
        own = httpx2.URL(self._sessions.of(self._use).cloud.graph_url)
        try:
            url = httpx2.URL(link) if isinstance(link, str) else None
        except httpx2.InvalidURL:
            url = None
        if url is None or (url.scheme, url.host, url.port) != (own.scheme, own.host, own.port) or url.userinfo:
            raise CannotTell("GRAPH_LINK_REFUSED", f"The next page of {path} is on another host and was not read.")
        return str(url)


def _if_match(etag: str | None) -> Headers:
    return {} if etag is None else {"If-Match": etag}


def _page(answer: Answer, request: GraphRequest) -> Page:
    """The page in a success. Raises ``CannotTell`` if it is no JSON object."""
    try:
        return cut(answer.content, request.url)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer.decoded(request.permission)
        raise
