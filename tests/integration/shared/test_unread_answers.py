"""Clients that ask and do not read: their connections end, what waits for them is bounded, and others are served."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import psutil
import pytest
from msgspec import Struct

from tests.support.scraped import Scraped

PROGRAM = """
from litestar import get
from onboarding_shared.process.service_settings import HttpSettings, LogSettings
from onboarding_shared.telemetry.logging import configure_logging
from onboarding_shared.web.app import ApiDescription, build_http
from onboarding_shared.web.server import run, serve

@get("/answer", media_type="application/octet-stream")
async def answer(size: int) -> bytes:
    return b"x" * size

configure_logging(LogSettings(format="json"), service="x")
app = build_http(ApiDescription(title="x"), authenticator=None, routes=[answer], public_paths={"/answer"})
settings = HttpSettings(
    port=0, write_seconds=2, keep_alive_seconds=60, max_connections=2000, max_connections_per_address=2000
)
run(serve(app, settings))
"""
WRITE_SECONDS = 2
MB = 2**20


class Running(Struct, frozen=True):
    """The process and its port."""

    port: int
    pid: int

    def connect(self) -> socket.socket:
        """A client with the smallest buffer for answers."""
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(30)
        client.connect(("127.0.0.1", self.port))
        return client

    def counted(self, reason: str) -> float:
        """The connections that ended for this reason."""
        page = httpx2.get(f"http://127.0.0.1:{self.port}/metrics", trust_env=False, timeout=10).text
        return Scraped(page).count("onboarding_http_unread_answers_total", reason=reason)

    def live_seconds(self) -> float:
        """The seconds that another client waits for its answer."""
        began = time.monotonic()
        answer = httpx2.get(f"http://127.0.0.1:{self.port}/health/live", trust_env=False, timeout=90)
        assert answer.status_code == 200
        return time.monotonic() - began

    def connections(self) -> int:
        """Those that the process holds."""
        connections = psutil.Process(self.pid).net_connections("tcp")
        return len([connection for connection in connections if connection.status == psutil.CONN_ESTABLISHED])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("unread")
    program, log = folder / "program.py", folder / "log"
    program.write_text(PROGRAM, encoding="utf-8")
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, str(program)], stdout=output)
    try:
        yield Running(listening_port(log), process.pid)
    finally:
        process.kill()
        process.wait()


def listening_port(log: Path) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines():
            if (entry := json.loads(line))["event"] == "listening":
                return int(entry["url"].rpartition(":")[2])
        time.sleep(0.1)
    raise AssertionError(f"it does not listen: {log.read_text()}")


def ask(client: socket.socket, size: int, times: int = 1) -> None:
    client.sendall(f"GET /answer?size={size} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * times)


def until_closed(client: socket.socket) -> int:
    """The number of bytes that could be read before the connection ended; a reset ends it too."""
    count = 0
    with contextlib.suppress(ConnectionError):
        while block := client.recv(65536):
            count += len(block)
    return count


def wait_until_none_is_held(running: Running, seconds: float) -> float:
    began = time.monotonic()
    while running.connections() and time.monotonic() - began < seconds:
        time.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.parametrize(
    ("size", "times"), [(20 * MB, 1), (3 * MB, 1), (60_000, 100)], ids=["huge", "large", "many small"]
)
def test_an_answer_that_nobody_reads_ends_its_connection(running: Running, size: int, times: int) -> None:
    before = running.counted("time")
    with running.connect() as client:
        ask(client, size, times)
        time.sleep(0.5)
        assert running.connections() == 1
        assert wait_until_none_is_held(running, 10) < WRITE_SECONDS + 2
        assert until_closed(client) < size * times
    assert running.counted("time") == before + 1


def test_reading_a_byte_now_and_then_does_not_help(running: Running) -> None:
    with running.connect() as client:
        ask(client, 20 * MB)
        began = time.monotonic()
        time.sleep(0.5)
        while running.connections() and time.monotonic() - began < 10:
            client.recv(1)
            time.sleep(0.05)
        assert time.monotonic() - began < WRITE_SECONDS + 3


def test_a_client_that_reads_gets_all_however_long_it_asks(running: Running) -> None:
    with running.connect() as client:
        began, received = time.monotonic(), 0
        while time.monotonic() - began < 2 * WRITE_SECONDS:
            ask(client, MB)
            wanted = received + MB
            while received < wanted:
                received += len(client.recv(65536))
            time.sleep(0.2)
        assert running.connections() >= 1


def test_a_client_that_begins_late_still_gets_its_answer(running: Running) -> None:
    with running.connect() as client:
        ask(client, 8 * MB)
        time.sleep(WRITE_SECONDS / 2)
        client.shutdown(socket.SHUT_WR)
        assert until_closed(client) > 8 * MB


def test_500_clients_that_never_read_are_bounded_in_memory(running: Running) -> None:
    process = psutil.Process(running.pid)
    before, most = process.memory_info().rss, 0
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        for _ in range(500):
            ask(stack.enter_context(running.connect()), 3 * MB)
        behind_them = pool.submit(running.live_seconds)
        while not behind_them.done():
            most = max(most, process.memory_info().rss)
            time.sleep(0.02)
        assert behind_them.result() < 60
        assert running.live_seconds() < 1
        assert running.counted("memory") > 100
        assert most - before < 200 * MB
        assert wait_until_none_is_held(running, 10) < WRITE_SECONDS + 3
