"""GET /onboarding/services: this process, and the others by their health pages."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from onboarding_devstack.identity import Identity
from session_api.app import build
from session_api.clients import service_states
from session_api.settings import HealthPageSettings, SessionApiSettings
from tests.integration.session_api.service import PERMISSIONS, Api, make_settings

SERVICES = "/onboarding/services"
STATE: dict[str, Any] = {
    "service": "task-runner",
    "version": "1.2.3",
    "instance": "host/7",
    "started_at": "2026-11-24T09:00:00Z",
    "ready": True,
    "checks": [{"name": "database", "status": "UP"}],
    "gauges": [{"name": "onboarding_queue_runs", "value": 4.0, "label": None}],
}


class HealthPage:
    """A server with one answer for every request, which it records."""

    def __init__(self) -> None:
        self.status, self.body = "200 OK", json.dumps(STATE).encode()
        self.delay = 0.0
        self.asked: list[str] = []
        self.port = 0
        self._servers: list[asyncio.Server] = []
        self._handlers: list[asyncio.Task[None]] = []

    async def listen(self, host: str) -> None:
        server = await asyncio.start_server(self._accept, host, self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._servers.append(server)

    async def stop(self) -> None:
        for server in self._servers:
            server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._handlers.append(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await asyncio.sleep(self.delay)
            writer.write(f"HTTP/1.1 {self.status}\r\ncontent-length: {len(self.body)}\r\n\r\n".encode() + self.body)
            await writer.drain()
        finally:
            writer.close()


@pytest.fixture
async def page() -> AsyncIterator[HealthPage]:
    started = HealthPage()
    await started.listen("127.0.0.1")
    yield started
    await started.stop()


@pytest.fixture
async def watching(settings: SessionApiSettings, identity: Identity, page: HealthPage) -> AsyncIterator[Api]:
    """A service that asks the page as task-runner; nobody listens at evidence-store's address."""
    pages = HealthPageSettings(task_runner_url=f"http://task-runner.test:{page.port}")
    pointed = make_settings(settings.database.url, identity, health_pages=pages)
    api = Api(build(pointed), pointed, identity)
    yield api
    await api.close()


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The addresses of names, which a test may change."""
    addresses = {"task-runner.test": ["127.0.0.1"]}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *more: Any, **options: Any) -> Any:
        if host not in addresses:
            return real(host, port, *more, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses[host]]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return addresses


def operator(api: Api) -> httpx2.AsyncClient:
    return api.caller(1, tenants=[], permissions=["onboarding.platform"])


async def services(api: Api) -> dict[str, list[dict[str, Any]]]:
    answer = await operator(api).get(SERVICES)
    assert answer.status_code == 200, answer.text
    seen: dict[str, list[dict[str, Any]]] = {}
    for entry in answer.json():
        seen.setdefault(entry["service"], []).append(entry)
    return seen


async def test_this_process_reports_its_own_figures(watching: Api) -> None:
    [own] = (await services(watching))["session-api"]

    assert (own["reachable"], own["ready"], own["error"]) == (True, False, None)
    assert {"name": "database", "status": "UP"} in own["checks"]
    assert (own["outbox_messages"], own["dead_letters"], own["consumer_lag"], own["leases"]) == (0, 0, None, None)


async def test_another_service_is_asked_without_a_token(watching: Api, page: HealthPage) -> None:
    [runner] = (await services(watching))["task-runner"]

    assert (runner["reachable"], runner["ready"], runner["version"], runner["queue_runs"]) == (True, True, "1.2.3", 4)
    assert page.asked[0].startswith("GET /health/state HTTP/1.1\r\n")
    assert f"host: task-runner.test:{page.port}\r\n" in page.asked[0].lower()
    assert "authorization" not in page.asked[0].lower()


async def test_a_service_that_is_away_is_an_entry(watching: Api) -> None:
    [store] = (await services(watching))["evidence-store"]

    assert (store["reachable"], store["ready"], store["instance"]) == (False, False, None)
    assert store["error"] == "It cannot be reached: ConnectError"


async def test_every_address_of_a_name_is_asked(watching: Api, page: HealthPage, names: dict[str, list[str]]) -> None:
    await page.listen("127.0.0.2")
    names["task-runner.test"] = ["127.0.0.2", "127.0.0.1", "127.0.0.3"]
    entries = (await services(watching))["task-runner"]

    assert [entry["reachable"] for entry in entries] == [True, True, False]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        ("503 Service Unavailable", b"{}", "It answered with HTTP 503"),
        ("302 Found", b"", "It answered with HTTP 302"),
        ("200 OK", b"<html>", "Its answer is not the state of a service"),
        ("200 OK", json.dumps({**STATE, "ready": "yes"}).encode(), "Its answer is not the state of a service"),
        ("200 OK", b" " * 300_000, "Its answer is larger than 262144 bytes"),
    ],
)
async def test_an_unexpected_answer_is_not_believed(
    watching: Api, page: HealthPage, status: str, body: bytes, said: str
) -> None:
    page.status, page.body = status, body
    [runner] = (await services(watching))["task-runner"]

    assert (runner["reachable"], runner["error"]) == (False, said)


async def test_a_slow_service_does_not_hold_up_the_others(
    watching: Api, page: HealthPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_states, "ANSWER_SECONDS", 0.5)
    page.delay = 60.0
    [runner] = (await services(watching))["task-runner"]

    assert runner["error"] == "It did not answer within 0.5 seconds"


async def test_an_address_that_is_not_set_is_named(api: Api) -> None:
    [runner] = (await services(api))["task-runner"]

    assert runner["error"] == "The address of its health pages is not configured"


async def test_only_the_platform_permission_shows_services(api: Api) -> None:
    answer = await api.caller(permissions=PERMISSIONS).get(SERVICES)

    assert (answer.status_code, answer.json()["permission"]) == (403, "onboarding.platform")
