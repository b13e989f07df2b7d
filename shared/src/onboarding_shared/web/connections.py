"""Limits that hold for every HTTP connection, before a request is routed or its caller is known."""

import asyncio
import ipaddress
import uuid
from typing import Any, cast

import httptools
import structlog
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from onboarding_shared.web.errors import BadRequest, Problem, problem_body
from onboarding_shared.web.unread_answers import ANSWER_BYTES, UnreadAnswers

MAX_URL_BYTES = 8 * 1024
MAX_HEADER_BYTES = 32 * 1024
"""Names and values of all headers of a request, trailers included."""
MAX_HEADERS = 100
CONNECTION = "http_connection"
"""The key in the scope of a request under which its connection is, for answers that are streams."""
_AROUND_A_HEADER = 4
"""The bytes of the colon, the space and the end of the line."""

log = structlog.get_logger("onboarding.http")


class ConnectionLimits(Struct, frozen=True, kw_only=True):
    """The number of connections, the time that one may be without a complete header, and the time that its client
    may take to read an answer. Times are seconds.
    """

    connections: int
    per_address: int
    header_seconds: float
    write_seconds: float


class OpenConnections:
    """Counts the connections of one server, in total and per address. An IPv6 address counts as its /64 network.

    The total does not hold for loopback addresses, so that a health check in the container is answered while others
    have taken all places.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._total = 0
        self._of_address: dict[str, int] = {}
        self._refused = 0
        self._reported_at = -60.0

    def enter(self, address: str | None, now: float) -> bool:
        """Count a connection, unless it is one too many."""
        known = self._of_address.get(address, 0) if address else 0
        full = self._total >= self.limits.connections and not _is_loopback(address)
        if full or known >= self.limits.per_address:
            self._refused += 1
            self._report(address, now)
            return False
        self._total += 1
        if address:
            self._of_address[address] = known + 1
        return True

    def leave(self, address: str | None) -> None:
        """Count a connection that has ended."""
        self._total -= 1
        if address:
            left = self._of_address.pop(address) - 1
            if left:
                self._of_address[address] = left

    def _report(self, address: str | None, now: float) -> None:
        """Log at most one line in ten seconds."""
        if now - self._reported_at >= 10:
            log.warning("connections refused", count=self._refused, last_address=address, open=self._total)
            self._refused, self._reported_at = 0, now


def _is_loopback(address: str | None) -> bool:
    return address is not None and address.startswith(("127.", "::/"))


def counted_address(address: str) -> str:
    """The address by which a connection is counted."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, ipaddress.IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits of size, time and number; it answers a breach itself and closes.

    The parser keeps an incomplete line, whatever its length, and reports it when it is complete. Therefore the bytes
    are counted for which the parser has reported nothing.
    """

    def __init__(self, *arguments: Any, open_connections: OpenConnections, unread: UnreadAnswers, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._open = open_connections
        self._unread = unread
        self._address: str | None = None
        self._counted = self._has_place = False
        self._breach: Problem | None = None
        self._header_bytes = self._header_count = self._unreported_bytes = 0
        self._reported = False
        self._in_header, self._in_message = True, False
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self._address = counted_address(str(peer[0])) if isinstance(peer, tuple) and peer else None
        if not self._open.enter(self._address, self.loop.time()):
            transport.abort()
            return
        self._counted = self._has_place = True
        super().connection_made(transport)
        self._unread.add(transport)
        self._set_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._counted:
            self._counted = False
            self.give_place_back()
            self._unread.remove(self.transport)
            self._unset_deadline()
            super().connection_lost(exc)

    def give_place_back(self) -> None:
        """Count this connection no more: its answer is a stream, which has a limit of its own."""
        if self._has_place:
            self._has_place = False
            self._open.leave(self._address)

    def abort(self) -> None:
        """End this connection now. What waits for its client is dropped."""
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        answer_bytes = 0 if self.cycle is None else self.cycle.scope.get(ANSWER_BYTES, 0)
        self._unread.paused(self.transport, cast("int", answer_bytes))

    def resume_writing(self) -> None:
        super().resume_writing()
        self._unread.resumed(self.transport)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._reported = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as if it did not ask for another protocol (RFC 9110, 7.8)
        except httptools.HttpParserError:
            self._refuse(self._breach or BadRequest("BAD_REQUEST", "The request is not valid HTTP/1.1"))
            return
        self._unreported_bytes = 0 if self._reported else self._unreported_bytes + len(data)
        if self._unreported_bytes > MAX_HEADER_BYTES:
            self._refuse(_headers_too_large())
            return
        self._watch_time()

    def _watch_time(self) -> None:
        """Keep the timer that fits: none while the application works, else the idle time or the deadline."""
        if self._in_header or (not self._reported and not self._in_message):
            self._in_header = True
            self._set_deadline()
        elif self.cycle is not None and not self.cycle.response_complete:
            if self._deadline is not None:
                self._unset_deadline()
        elif self._in_message:
            self._set_deadline()
        else:
            self._unset_deadline()
            if self.timeout_keep_alive_task is None:
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

    def _answered(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _set_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._open.limits.header_seconds, self._too_late)

    def _unset_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if not self._answered():
            self._set_deadline()
        elif self._in_header and self._in_message:
            self._refuse(Problem("HEADERS_TOO_SLOW", "The headers took too long to arrive", status=408))
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, problem: Problem) -> None:
        """Answer, unless an earlier request of the connection waits for its own answer, and close."""
        if self._answered() and not self.transport.is_closing():
            request_id = uuid.uuid4().hex
            body = problem_body(problem, request_id)
            headers = [*self.server_state.default_headers, (b"content-type", b"application/json")]
            headers += [(b"content-length", str(len(body)).encode()), (b"x-request-id", request_id.encode())]
            headers += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
            lines = [name + b": " + value + b"\r\n" for name, value in [*headers, (b"connection", b"close")]]
            self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body]))
        self._unset_deadline()
        self.transport.close()

    def _break_off(self, problem: Problem) -> None:
        """Stop the parser: ``data_received`` sees its error. Raises."""
        self._breach = problem
        raise ValueError(problem.code)

    def on_message_begin(self) -> None:
        if self._deadline is not None and self.cycle is not None:
            self._unset_deadline()
        self._reported = self._in_header = self._in_message = True
        self._header_bytes = self._header_count = 0
        super().on_message_begin()
        self.scope[CONNECTION] = self  # type: ignore[typeddict-unknown-key]

    def on_url(self, url: bytes) -> None:
        self._reported = True
        self.url += url
        if len(self.url) > MAX_URL_BYTES:
            self._break_off(Problem("URL_TOO_LONG", f"The URL is longer than {MAX_URL_BYTES} bytes", status=414))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._reported = True
        self._header_count += 1
        self._header_bytes += len(name) + len(value) + _AROUND_A_HEADER
        if self._header_count > MAX_HEADERS or self._header_bytes > MAX_HEADER_BYTES:
            self._break_off(_headers_too_large())
        if self._in_header:  # trailers are dropped: the request is on its way to the application
            name = name.lower()
            self.headers.append((name, value))
            if name == b"expect":
                self.expect_100_continue = self.expect_100_continue or value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self._reported, self._in_header = True, False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._reported = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._reported, self._in_message = True, False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and (self._in_header or self._in_message):
            self._unset_keepalive_if_required()
            self._set_deadline()


def _headers_too_large() -> Problem:
    message = f"The headers are larger than {MAX_HEADER_BYTES} bytes or more than {MAX_HEADERS}"
    return Problem("HEADERS_TOO_LARGE", message, status=431)


def bounded_protocol(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """The protocol class for one server, whose connections share the limits."""
    open_connections, unread = OpenConnections(limits), UnreadAnswers(limits.write_seconds)

    class Protocol(BoundedHttpProtocol):
        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, open_connections=open_connections, unread=unread, **more)

    return cast("type[asyncio.Protocol]", Protocol)
