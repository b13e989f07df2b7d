"""The relay that makes a line slow."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from onboarding_devstack.ports import is_free
from tests.support.free_ports import free_port
from tests.support.slow_relay import relay
from tests.support.waiting import eventually

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def echo_behind_relay(seconds: float) -> AsyncIterator[Streams]:
    """A connection through a relay to a server that sends everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data)
        writer.close()

    server, port = await asyncio.start_server(echo, "127.0.0.1", 0), free_port()
    async with server, await relay(port, server.sockets[0].getsockname()[1], seconds), asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        yield reader, writer
        writer.close()


async def test_an_answer_comes_two_delays_later() -> None:
    async with echo_behind_relay(0.1) as (reader, writer):
        began = time.perf_counter()
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"hello"
        took = time.perf_counter() - began

    assert 0.2 <= took < 0.4


async def test_what_is_under_way_does_not_wait_for_what_went_before() -> None:
    async with echo_behind_relay(0.1) as (reader, writer):
        began = time.perf_counter()
        for _ in range(20):
            writer.write(b"x" * 100)
            await asyncio.sleep(0.005)
        await reader.readexactly(2000)
        took = time.perf_counter() - began

    assert took < 0.6


async def test_bytes_arrive_in_their_order() -> None:
    sent = b"".join(number.to_bytes(4, "big") for number in range(50_000))

    async with echo_behind_relay(0.01) as (reader, writer):
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent


async def test_the_program_forwards_too() -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")

    server, port = await asyncio.start_server(greet, "127.0.0.1", 0), free_port()
    target = server.sockets[0].getsockname()[1]
    numbers = (str(port), str(target), "0.01")
    async with server, asyncio.timeout(20):
        program = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.support.slow_relay", *numbers)
        try:
            await eventually(lambda: not is_free(port))
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.readexactly(5) == b"hello"
            writer.close()
        finally:
            program.kill()
            await program.wait()


async def test_the_end_of_a_connection_is_passed_on_after_its_data() -> None:
    async with echo_behind_relay(0.05) as (reader, writer):
        writer.write(b"last")
        writer.write_eof()
        assert await reader.read() == b"last"
