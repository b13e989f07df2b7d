"""A closed loop of HTTP clients that costs as little as it can: it shares the machine with what it measures."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit


class Answer(NamedTuple):
    """A status and a body."""

    status: int
    body: bytes


class Connection(asyncio.Protocol):
    """One keep-alive HTTP/1.1 connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[Answer] | None = None
        self._lost: Exception | None = None

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect to the host and port of ``url``."""
        where = urlsplit(url)
        _, made = await asyncio.get_running_loop().create_connection(cls, where.hostname, where.port)
        return made

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = exc or ConnectionResetError("the server closed the connection")
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._lost)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, body = self._received.partition(b"\r\n\r\n")
        if not separator:
            return
        lines = head.lower().split(b"\r\n")
        length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        if len(body) >= length and self._answer is not None:
            self._received = b""
            self._answer.set_result(Answer(int(lines[0].split()[1]), body))

    async def request(self, raw: bytes) -> Answer:
        """Send one whole request; the answer once it is complete. Raises ``OSError`` when the connection is lost."""
        assert self._transport is not None
        if self._lost is not None:
            raise self._lost
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()


def post(path: str, token: str = "") -> bytes:
    """A POST without a body, as the wizard sends it to start a task."""
    authorization = f"authorization: Bearer {token}\r\n" if token else ""
    return f"POST {path} HTTP/1.1\r\nhost: bench\r\n{authorization}content-length: 0\r\n\r\n".encode()


async def closed_loop(urls: Sequence[str], requests: Sequence[bytes], *, clients: int, expect: int) -> float:
    """Send all requests over ``clients`` connections, each waiting for its answer; the seconds that took.

    The connections go to the ``urls`` in turn.
    Raises ``RuntimeError`` with the body of the first answer that is not ``expect``.
    """
    waiting = iter(requests)

    async def client(connection: Connection) -> None:
        for raw in waiting:
            answer = await connection.request(raw)
            if answer.status != expect:
                raise RuntimeError(f"{answer.status} instead of {expect}: {answer.body[:300]!r}")

    return await _over_connections(urls, clients, client)


async def _over_connections(urls: Sequence[str], count: int, work: Callable[[Connection], Awaitable[None]]) -> float:
    places = itertools.islice(itertools.cycle(urls), count)
    connections = await asyncio.gather(*map(Connection.open, places))
    try:
        began = time.perf_counter()
        await asyncio.gather(*map(work, connections))
        return time.perf_counter() - began
    finally:
        for connection in connections:
            connection.close()
