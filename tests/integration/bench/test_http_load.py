"""The load generator, against servers that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tests.bench.http_load import Connection, closed_loop, post

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CREATED = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def server(handle: Handler) -> AsyncIterator[str]:
    """A server on a free port; yields its URL."""
    async with await asyncio.start_server(handle, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_a_request_on_a_closed_connection_fails_at_once() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with server(hang_up) as url, asyncio.timeout(5):
        connection = await Connection.open(url)
        await asyncio.sleep(0.1)
        with pytest.raises(ConnectionResetError, match="closed the connection"):
            await connection.request(post("/"))


async def test_the_connections_of_a_loop_go_to_all_addresses() -> None:
    served: list[str] = []

    def answering(name: str) -> Handler:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readline():
                while (await reader.readline()).strip():
                    pass
                served.append(name)
                writer.write(CREATED)
                await asyncio.sleep(0.01)

        return answer

    async with server(answering("first")) as first, server(answering("second")) as second, asyncio.timeout(5):
        await closed_loop([first, second], [post("/")] * 8, clients=4, expect=201)

    assert len(served) == 8
    assert set(served) == {"first", "second"}
