"""ONBOARDING_HEALTH_PORT of each service's own process: health and metrics on a listener of their own."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import httpx2
import pytest
from msgspec import Struct

from tests.support.alone import Alone, alone
from tests.support.engines import free_port

PAGES = ["/health/live", "/health/ready", "/health/state", "/metrics"]


class Apart(Struct, frozen=True):
    """A process, and where its health and metrics are."""

    service: Alone
    port: int

    def ask(self, path: str) -> httpx2.Response:
        """The answers of the listener of health and metrics."""
        return httpx2.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False, timeout=10)


@pytest.fixture(scope="module", params=["session_api", "task_runner", "evidence_store"])
def apart(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Apart]:
    port = free_port()
    settings = {
        "ONBOARDING_HEALTH_PORT": str(port),
        "ONBOARDING_HTTP_MAX_CONNECTIONS_PER_ADDRESS": "5",
        "ONBOARDING_HTTP_HEADER_SECONDS": "30",
    }
    with alone(request.param, tmp_path_factory.mktemp("apart"), **settings) as service:
        yield Apart(service, port)


@pytest.mark.parametrize(("path", "status"), [("/health/live", 200), ("/health/ready", 503), ("/metrics", 200)])
def test_health_and_metrics_are_on_their_own_port(apart: Apart, path: str, status: int) -> None:
    answer = apart.ask(path)
    assert answer.status_code == status
    assert "onboarding_build_info" in answer.text if path == "/metrics" else '"checks"' in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_the_port_of_the_api_has_them_no_longer(apart: Apart, path: str) -> None:
    answer = httpx2.get(f"{apart.service.url}{path}", trust_env=False, timeout=10)
    assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")


@pytest.mark.parametrize("path", ["/schema", "/schema/openapi.json", "/tenants/42/onboarding/sessions", "/"])
def test_their_port_has_nothing_else(apart: Apart, path: str) -> None:
    answer = apart.ask(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")


def test_requests_of_both_ports_are_counted(apart: Apart) -> None:
    apart.ask("/health/live")
    httpx2.get(f"{apart.service.url}/schema", trust_env=False, timeout=10)
    page = apart.ask("/metrics").text
    assert 'onboarding_http_requests_total{method="GET",route="/health/live",status="200"}' in page
    assert 'onboarding_http_requests_total{method="GET",route="/schema",status="200"}' in page


@contextlib.contextmanager
def silent(port: int, count: int) -> Iterator[None]:
    """Connections that send nothing, five from each address."""
    with contextlib.ExitStack() as stack:
        for number in range(count):
            source = (f"127.0.0.{1 + number // 5}", 0)
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10, source_address=source))
        yield


@contextlib.contextmanager
def saturated(port: int) -> Iterator[None]:
    """Four clients that send one request after the other without waiting for the answers."""
    ended = threading.Event()
    block = b"GET /schema/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50

    def ask() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as client:
                client.sendall(block)
                while not ended.is_set() and client.recv(1 << 20):
                    pass

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    yield
    ended.set()
    for thread in threads:
        thread.join()


def test_a_full_and_busy_api_keeps_no_probe_waiting(apart: Apart) -> None:
    with saturated(apart.service.port), silent(apart.service.port, 1000):
        time.sleep(0.5)
        for path in PAGES[:1] * 10:
            began = time.monotonic()
            assert apart.ask(path).status_code == 200
            assert time.monotonic() - began < 1


def test_silent_connections_to_the_health_port_keep_no_probe_out(apart: Apart) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            source = ("127.0.0.2", 0)
            stack.enter_context(socket.create_connection(("127.0.0.1", apart.port), timeout=10, source_address=source))
        began = time.monotonic()
        assert apart.ask("/health/live").status_code == 200
        assert time.monotonic() - began < 1
