"""The limits of connections of each service's own process, before anybody is authenticated."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import psutil
import pytest

from tests.support.alone import Alone, alone

SERVICES = ["session_api", "task_runner", "evidence_store"]
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"
PER_ADDRESS = 40
HEADER_SECONDS = 2


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    limits = {
        "ONBOARDING_HTTP_MAX_CONNECTIONS": "60",
        "ONBOARDING_HTTP_MAX_CONNECTIONS_PER_ADDRESS": str(PER_ADDRESS),
        "ONBOARDING_HTTP_HEADER_SECONDS": str(HEADER_SECONDS),
        "ONBOARDING_HTTP_KEEP_ALIVE_SECONDS": "1",
    }
    with alone(request.param, tmp_path_factory.mktemp("alone"), **limits) as running:
        yield running


def connect(service: Alone, source: str = "127.0.0.2") -> socket.socket:
    return socket.create_connection(("127.0.0.1", service.port), timeout=10, source_address=(source, 0))


def until_closed(connection: socket.socket) -> bytes:
    """The bytes that the service sent before it closed the connection; a reset ends it too."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while block := connection.recv(65536):
            received += block
    return received


def send_all(connection: socket.socket, block: bytes, times: int) -> None:
    """Send until all is sent or the service has closed the connection."""
    with contextlib.suppress(ConnectionError):
        for _ in range(times):
            connection.sendall(block)


def served(service: Alone) -> float:
    """Seconds that another client waits for its answer."""
    began = time.monotonic()
    with connect(service, source="127.0.0.1") as connection:
        connection.sendall(REQUEST + b"Connection: close\r\n\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 200 ")
    return time.monotonic() - began


def is_refused(answer: bytes, status: int, code: str) -> bool:
    """True if the whole answer is this refusal in the contract's form."""
    head, _, body = answer.partition(b"\r\n\r\n")
    document = json.loads(body)
    return head.startswith(b"HTTP/1.1 %d " % status) and document["code"] == code and bool(document["error"])


def memory(service: Alone) -> float:
    """Resident memory in MB."""
    return psutil.Process(service.pid).memory_info().rss / 2**20


@pytest.mark.parametrize("beginning", [b"", REQUEST], ids=["silent", "half a request"])
def test_one_address_cannot_take_all_places(service: Alone, beginning: bytes) -> None:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(service)) for _ in range(2 * PER_ADDRESS)]
        for connection in held:
            send_all(connection, beginning, 1)
        assert served(service) < 1
        for connection in held[PER_ADDRESS:]:
            assert until_closed(connection) == b""


@pytest.mark.parametrize("beginning", [b"", REQUEST, b"\r\n", b"G"], ids=["silent", "half", "empty line", "letter"])
def test_a_connection_without_complete_headers_is_closed(service: Alone, beginning: bytes) -> None:
    with connect(service) as connection:
        began = time.monotonic()
        send_all(connection, beginning, 1)
        until_closed(connection)
        assert HEADER_SECONDS - 0.5 < time.monotonic() - began < HEADER_SECONDS + 2


def test_headers_byte_by_byte_are_closed_in_time(service: Alone) -> None:
    with connect(service) as connection:
        connection.settimeout(0.1)
        began, answer = time.monotonic(), b""
        send_all(connection, REQUEST + b"X-Slow: ", 1)
        while not answer and time.monotonic() - began < 10:
            send_all(connection, b"a", 1)
            with contextlib.suppress(TimeoutError):
                answer = until_closed(connection)
        assert time.monotonic() - began < HEADER_SECONDS + 2
        assert b"HTTP/1.1 408 " in answer and b"HEADERS_TOO_SLOW" in answer


def test_the_second_request_of_a_connection_has_a_time_too(service: Alone) -> None:
    with connect(service) as connection:
        connection.sendall(REQUEST + b"\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        connection.sendall(REQUEST)
        until_closed(connection)
        assert time.monotonic() - began < HEADER_SECONDS + 2


def test_an_idle_connection_is_closed(service: Alone) -> None:
    with connect(service) as connection:
        connection.sendall(REQUEST + b"\r\n")
        began = time.monotonic()
        until_closed(connection)
        assert time.monotonic() - began < 1 + 2


def test_a_body_that_nobody_reads_ends_the_connection(service: Alone) -> None:
    with connect(service) as connection:
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        began = time.monotonic()
        while time.monotonic() - began < 10:
            try:
                connection.sendall(b"a")
            except ConnectionError:
                break
            time.sleep(0.1)
        assert time.monotonic() - began < HEADER_SECONDS + 2


@pytest.mark.parametrize(
    ("beginning", "block"),
    [
        (REQUEST + b"X-Endless: ", b"a" * 2**20),
        (REQUEST, b"a: b\r\n" * 2**17),
        (b"GET /", b"a" * 2**20),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ", b"a" * 2**20),
        (b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;", b"a" * 2**20),
    ],
    ids=["one header", "many headers", "URL", "trailer", "chunk extension"],
)
def test_endless_input_takes_no_memory_and_slows_nobody(service: Alone, beginning: bytes, block: bytes) -> None:
    served(service)
    before = memory(service)
    with connect(service) as connection:
        began = time.monotonic()
        send_all(connection, beginning, 1)
        send_all(connection, block, 320)
        assert time.monotonic() - began < 5
    assert served(service) < 1
    assert memory(service) - before < 8


@pytest.mark.parametrize(
    ("request_head", "status", "code"),
    [
        (REQUEST + b"X-Long: " + b"a" * 33_000 + b"\r\n\r\n", 431, "HEADERS_TOO_LARGE"),
        (REQUEST + b"a: b\r\n" * 100 + b"\r\n", 431, "HEADERS_TOO_LARGE"),
        (b"GET /" + b"a" * 8192 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URL_TOO_LONG"),
        (b"nonsense\r\n\r\n", 400, "BAD_REQUEST"),
    ],
    ids=["long header", "too many headers", "long URL", "not HTTP"],
)
def test_a_request_over_a_limit_is_told_so(service: Alone, request_head: bytes, status: int, code: str) -> None:
    with connect(service) as connection:
        connection.sendall(request_head)
        assert is_refused(until_closed(connection), status, code)


@pytest.mark.parametrize("more", [b"X-Long: " + b"a" * 32_000 + b"\r\n", b"a: b\r\n" * 98], ids=["long", "many"])
def test_headers_up_to_the_limits_are_served(service: Alone, more: bytes) -> None:
    with connect(service) as connection:
        connection.sendall(REQUEST + more + b"Connection: close\r\n\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 200 ")


def test_requests_sent_at_once_are_all_answered(service: Alone) -> None:
    with connect(service) as connection:
        connection.sendall((REQUEST + b"\r\n") * 500)
        assert until_closed(connection).count(b"HTTP/1.1 200 ") == 500


@pytest.mark.parametrize("path", [b"/health/live", b"/metrics", b"/schema", b"/schema/openapi.json", b"/nowhere"])
def test_head_has_no_body_and_the_next_answer_follows(service: Alone, path: bytes) -> None:
    with connect(service) as connection:
        connection.sendall(b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n" + REQUEST + b"Connection: close\r\n\r\n")
        head, _, rest = until_closed(connection).partition(b"\r\n\r\n")
    assert b"content-length: " in head.lower()
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.endswith(b'{"status":"UP","checks":[]}')
