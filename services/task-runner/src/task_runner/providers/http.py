"""The HTTP transport that all clients of the process share, and its limits."""

import itertools
import math
import time
from collections.abc import AsyncIterator

import httpx2
from prometheus_client import Counter, Histogram

from onboarding_shared.telemetry.tracing import Span, current_traceparent, start_span
from task_runner.providers.dry_run import refuse_write_request
from task_runner.providers.settings import ProviderSettings
from task_runner.tasks.result import CannotTell

KEEPALIVE_SECONDS = 30.0
"""Seconds for which a connection without requests stays open: a new one costs more than its request."""
POOLS = 16
"""Number of connection pools. A pool looks at each of its connections for every request, so several small ones are
cheaper than a large one: 20 % of the CPU of task-runner with 256 runs at a time."""
TOO_LARGE = "RESPONSE_TOO_LARGE"

REQUESTS = Counter(
    "onboarding_provider_requests_total", "Requests to providers by HTTP status; none = no response", ["status"]
)
DURATION = Histogram(
    "onboarding_provider_request_duration_seconds", "Time from a request to a provider until its response headers"
)


class _CountedStream(httpx2.AsyncByteStream):
    """A response body. Reading more than ``limit`` bytes raises ``CannotTell``. ``span`` ends when it is closed."""

    def __init__(self, stream: httpx2.AsyncByteStream, limit: int, url: str, span: Span | None) -> None:
        self._stream = stream
        self._limit = limit
        self._url = url
        self._span = span

    async def __aiter__(self) -> AsyncIterator[bytes]:
        count = 0
        async for chunk in self._stream:
            count += len(chunk)
            if count > self._limit:
                raise CannotTell(TOO_LARGE, f"The response of {self._url} exceeds {self._limit} bytes.")
            yield chunk

    async def aclose(self) -> None:
        if self._span is not None:
            self._span.end()
        await self._stream.aclose()


class SharedTransport(httpx2.AsyncBaseTransport):
    """The HTTP connection pools of all clients of the process, used in turn. Closing a client does not close them."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._limit = settings.max_response_bytes
        connections = math.ceil(settings.max_connections / POOLS)
        limits = httpx2.Limits(
            max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_SECONDS
        )
        certificates = httpx2.create_ssl_context()
        self._pools = [
            httpx2.AsyncHTTPTransport(verify=certificates, limits=limits, proxy=settings.proxy) for _ in range(POOLS)
        ]
        self._turns = itertools.cycle(self._pools)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = shown_url(request.url)
        span, began = _begin_span(request, url), time.perf_counter()
        status = "none"
        try:
            response = await next(self._turns).handle_async_request(request)
            status = str(response.status_code)
        except BaseException as error:
            if span is not None:
                span.end(type(error).__name__)
            raise
        finally:
            REQUESTS.labels(status).inc()
            DURATION.observe(time.perf_counter() - began)
        if not isinstance(response.stream, httpx2.AsyncByteStream):
            raise TypeError("The asynchronous transport returned a synchronous stream")
        if span is not None:
            _note_response(span, response)
        return httpx2.Response(
            response.status_code,
            headers=response.headers,
            stream=_CountedStream(response.stream, self._limit, url, span),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Do nothing: clients are closed with their run, the pools with the process (``close_pool``)."""

    async def close_pool(self) -> None:
        """Close all HTTP connections."""
        for pool in self._pools:
            await pool.aclose()


def shown_url(url: httpx2.URL) -> str:
    """The URL without query and credentials. Most have no credentials, and then need not be taken apart."""
    text = str(url)
    return text.partition("?")[0] if "@" not in text else str(url.copy_with(query=None, username=None, password=None))


def _begin_span(request: httpx2.Request, url: str) -> Span | None:
    """Start the client span. The trace context is not sent to the provider."""
    attributes = {"http.request.method": request.method, "server.address": request.url.host, "url.full": url}
    return start_span(request.method, "client", parent=current_traceparent(), attributes=attributes)


def _note_response(span: Span, response: httpx2.Response) -> None:
    span.note({"http.response.status_code": response.status_code})
    if response.status_code >= 400:
        span.end(str(response.status_code))


def timeouts(settings: ProviderSettings) -> httpx2.Timeout:
    """Return the timeouts of one request."""
    return httpx2.Timeout(settings.request_timeout, connect=settings.connect_timeout)


def open_client(
    transport: httpx2.AsyncBaseTransport, settings: ProviderSettings, *, read_only: bool = False
) -> httpx2.AsyncClient:
    """A client with its own cookies that follows no redirect and asks for uncompressed bodies, which can be counted.

    With ``read_only`` it raises ``TaskFault`` on every request that is not a read.
    """
    return httpx2.AsyncClient(
        transport=transport,
        timeout=timeouts(settings),
        follow_redirects=False,
        headers={"Accept-Encoding": "identity", "User-Agent": "onboarding-task-runner"},
        event_hooks={"request": [refuse_write_request]} if read_only else None,
    )
