"""Records what `context.http` received, beside the responses of Microsoft Graph."""

import hashlib
import time
from collections.abc import AsyncIterator

import httpx2

from task_runner.providers.http import shown_url
from task_runner.providers.record import RecordedResponse, ResponseRecord

_REQUEST_IDS = ("x-request-id", "request-id", "x-correlation-id")


class RecordedTransport(httpx2.AsyncBaseTransport):
    """Sends requests by another transport, and records each response when its body was read or given up.

    Of a URL neither query nor credentials are recorded, and of the headers only the id of the request: keys of other
    services are in both. Closing it does not close the other transport.
    """

    def __init__(self, transport: httpx2.AsyncBaseTransport, record: ResponseRecord) -> None:
        self._transport = transport
        self._record = record

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        began = time.perf_counter()
        response = await self._transport.handle_async_request(request)
        if not isinstance(response.stream, httpx2.AsyncByteStream):
            raise TypeError("The asynchronous transport returned a synchronous stream")
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_RecordedStream(response, request, self._record, began),
            extensions=response.extensions,
        )


class _RecordedStream(httpx2.AsyncByteStream):
    """A response body, which is recorded when it is closed."""

    def __init__(
        self, response: httpx2.Response, request: httpx2.Request, record: ResponseRecord, began: float
    ) -> None:
        self._response = response
        self._request = request
        self._record = record
        self._began = began
        self._hash = hashlib.sha256()
        self._size = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.stream:  # type: ignore[union-attr]
            self._hash.update(chunk)
            self._size += len(chunk)
            yield chunk

    async def aclose(self) -> None:
        self._record.add(self._recorded(), self._size)
        await self._response.aclose()

    def _recorded(self) -> RecordedResponse:
        headers = self._response.headers
        return RecordedResponse(
            external_tenant_id=None,
            method=self._request.method,
            url=shown_url(self._request.url).partition("#")[0],
            api_version=None,
            status=self._response.status_code,
            permission=None,
            request_id=next((headers[name] for name in _REQUEST_IDS if name in headers), None),
            elapsed_ms=round((time.perf_counter() - self._began) * 1000),
            body_sha256=self._hash.hexdigest(),
        )
