"""The server as a process of its own: what signals do to it and to requests that are under way."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio, sys
from contextlib import asynccontextmanager
from litestar import get
from onboarding_shared.web.app import ApiDescription, build_http
from onboarding_shared.telemetry.logging import configure_logging
from onboarding_shared.web.server import ServeError, run, serve
from onboarding_shared.process.service_settings import HttpSettings, LogSettings

@get("/slow")
async def slow() -> str:
    print('{"event": "in slow"}', flush=True)
    await asyncio.sleep(float(sys.argv[1]))
    return "done"

@asynccontextmanager
async def lifespan(app):
    if sys.argv[2] == "fail":
        raise RuntimeError("no database")
    print('{"event": "started"}', flush=True)
    yield
    print('{"event": "shut down"}', flush=True)

async def main():
    description = ApiDescription(title="x")
    health_port = int(sys.argv[5]) if sys.argv[5] else None
    settings = HttpSettings(port=int(sys.argv[3]), drain_seconds=int(sys.argv[4]), health_port=health_port)
    app = build_http(
        description, authenticator=None, routes=[slow], public_paths={"/slow"}, lifespan=[lifespan],
        health_apart=health_port is not None,
    )
    await serve(app, settings)
    print('{"event": "after serve"}', flush=True)

configure_logging(LogSettings(format="json"), service="x")
try:
    run(main())
except ServeError as error:
    print('{"event": "serve error"}', flush=True)
    sys.exit(1)
"""


class Running:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.port = 0
        self.seen: list[str] = []

    async def until(self, event: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            while line := await self.process.stdout.readline():
                entry = json.loads(line)
                self.seen.append(entry["event"])
                if entry["event"] == event:
                    return entry
        raise AssertionError(f"no {event!r} among {self.seen}")

    async def get(self, path: str, port: int | None = None) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
        writer.close()
        return answer

    async def end(self) -> int:
        assert self.process.stdout is not None
        async with asyncio.timeout(60):
            rest = await self.process.stdout.read()
            self.seen += [json.loads(line)["event"] for line in rest.splitlines()]
            return await self.process.wait()


class Start:
    def __init__(self, program: Path) -> None:
        self.program = program
        self.processes: list[Process] = []

    async def __call__(
        self, seconds: float = 0.0, start: str = "well", port: int = 0, drain: int = 5, health_port: int | None = None
    ) -> Running:
        health = "" if health_port is None else str(health_port)
        command = [sys.executable, str(self.program), str(seconds), start, str(port), str(drain), health]
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
        self.processes.append(process)
        return Running(process)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    starter = Start(program)
    yield starter
    for process in starter.processes:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def listening(running: Running) -> Running:
    running.port = int((await running.until("listening"))["url"].rpartition(":")[2])
    return running


async def test_sigterm_lets_a_request_end_then_shuts_the_application_down(start: Start) -> None:
    running = await listening(await start(seconds=0.5))
    request = asyncio.create_task(running.get("/slow"))
    await running.until("in slow")
    running.process.send_signal(signal.SIGTERM)
    await running.until("stopping")
    await asyncio.sleep(0.2)
    with pytest.raises(OSError):
        await running.get("/health/live")
    assert (await request).endswith(b"done")
    assert await running.end() == 0
    assert running.seen[-2:] == ["shut down", "after serve"]


async def test_a_second_signal_does_not_wait(start: Start) -> None:
    running = await listening(await start(seconds=60))
    request = asyncio.create_task(running.get("/slow"))
    await running.until("in slow")
    running.process.send_signal(signal.SIGTERM)
    await running.until("stopping")
    running.process.send_signal(signal.SIGTERM)
    began = asyncio.get_running_loop().time()
    await running.end()
    assert asyncio.get_running_loop().time() - began < 4
    assert "stopping at once" in running.seen
    await asyncio.gather(request, return_exceptions=True)


async def test_a_request_that_exceeds_the_drain_time_is_aborted(start: Start) -> None:
    running = await listening(await start(seconds=60, drain=1))
    request = asyncio.create_task(running.get("/slow"))
    await running.until("in slow")
    running.process.send_signal(signal.SIGINT)
    assert await running.end() == 0
    assert "shut down" in running.seen
    await asyncio.gather(request, return_exceptions=True)


async def test_a_failed_start_is_an_error_without_a_server(start: Start) -> None:
    running = await start(start="fail")
    assert await running.end() == 1
    assert running.seen[-1] == "serve error"


async def test_an_address_that_is_taken_is_an_error(start: Start) -> None:
    first = await listening(await start())
    second = await start(port=first.port)
    assert await second.end() == 1
    assert second.seen[-2:] == ["shut down", "serve error"]


async def listening_apart(running: Running) -> int:
    """The port of health and metrics."""
    await listening(running)
    return int((await running.until("listening for health and metrics"))["url"].rpartition(":")[2])


async def test_a_process_that_drains_says_it_is_not_ready(start: Start) -> None:
    running = await start(seconds=2, health_port=0)
    port = await listening_apart(running)
    assert (await running.get("/health/ready", port)).startswith(b"HTTP/1.1 200 ")
    request = asyncio.create_task(running.get("/slow"))
    await running.until("in slow")
    running.process.send_signal(signal.SIGTERM)
    await running.until("stopping")
    await asyncio.sleep(0.3)
    assert (await running.get("/health/ready", port)).startswith(b"HTTP/1.1 503 ")
    assert (await running.get("/health/live", port)).startswith(b"HTTP/1.1 200 ")
    assert (await running.get("/metrics", port)).startswith(b"HTTP/1.1 200 ")
    assert (await request).endswith(b"done")
    assert await running.end() == 0
    assert running.seen[-2:] == ["shut down", "after serve"]


async def test_a_health_port_that_is_taken_ends_the_start(start: Start) -> None:
    first = await start(health_port=0)
    port = await listening_apart(first)
    second = await start(health_port=port)
    assert await second.end() == 1
    assert second.seen[-2:] == ["shut down", "serve error"]
