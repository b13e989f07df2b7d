"""The example of a subscriber keeps the rules of docs/how-to/subscribe-to-events.md."""

import json
import runpy
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from onboarding_shared.contracts.catalogue import MESSAGES
from onboarding_shared.contracts.topics import EVIDENCE, OPERATION_RUNS, SESSIONS
from tests.docs.tables import ROOT

TOPIC = EVIDENCE.name
Record = ConsumerRecord[bytes, bytes]


@pytest.fixture
def example() -> dict[str, Any]:
    """The module's members."""
    return runpy.run_path(str(ROOT / "examples/subscribe.py"))


@pytest.fixture
def handle(example: dict[str, Any]) -> Callable[[Record], bool]:
    """The example's ``handle`` of one subscriber."""
    seen = example["LastSeen"]()
    return lambda record: example["handle"](record, seen)


def record(sequence: int, name: str = "EvidenceRecorded", value: bytes = b'{"status":"ok"}') -> Record:
    headers = [
        ("ce_type", f"org.onboarding.{name}.v1".encode()),
        ("ce_partitionkey", b"42"),
        ("ce_sequence", b"%019d" % sequence),
        ("ce_subject", b"evidence/9"),
    ]
    return ConsumerRecord(TOPIC, 0, sequence, 0, 0, b"42", value, None, 2, len(value), headers)


def test_an_event_of_an_unknown_type_uses_up_its_number(
    handle: Callable[[Record], bool], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [handle(record(1)), handle(record(2, "AddedLater")), handle(record(3))] == [True, True, True]
    assert capsys.readouterr().out == (
        "tenant 42 #1 EvidenceRecorded evidence/9 ok\ntenant 42 #3 EvidenceRecorded evidence/9 ok\n"
    )


@pytest.mark.parametrize(
    "value", [b"", b"{", b"\xff", b"7", b"[" * 100_000], ids=["empty", "cut", "bytes", "7", "deep"]
)
def test_an_unreadable_record_stops_nothing(
    handle: Callable[[Record], bool], capsys: pytest.CaptureFixture[str], value: bytes
) -> None:
    assert [handle(record(1)), handle(record(1, value=value)), handle(record(2))] == [True, False, True]
    assert f"{TOPIC} 0@1 cannot be read" in capsys.readouterr().err


def test_a_repeated_number_is_dropped(handle: Callable[[Record], bool]) -> None:
    assert [handle(record(1)), handle(record(1))] == [True, False]


def test_the_example_knows_every_type_of_its_topics(example: dict[str, Any]) -> None:
    topics = (SESSIONS, OPERATION_RUNS, EVIDENCE)
    assert example["HANDLED_TYPES"] == {message.event_type() for topic in topics for message in MESSAGES[topic]}


class Customers(BaseHTTPRequestHandler):
    """Two pages of customers, for the one right token."""

    def do_GET(self) -> None:
        last = "cursor=2" in self.path
        self.send_response(200 if self.headers["Authorization"] == "Bearer right" else 401)
        if not last:
            self.send_header("Link", '</onboarding/tenants?limit=200&cursor=2>; rel="next"')
        self.end_headers()
        session = {"status": "in_progress", "current_step": 3}
        listed = [{"tenant_id": 43, "session": None}] if last else [{"tenant_id": 42, "session": session}]
        self.wfile.write(json.dumps(listed).encode())

    def log_message(self, *_: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def api() -> Iterator[str]:
    """The address of a server with two pages of customers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Customers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_snapshot_has_the_customers_of_every_page(
    example: dict[str, Any], api: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN", "right")
    example["show_snapshot"](api)
    assert capsys.readouterr().out == ("tenant 42: session in_progress, step 3\ntenant 43: session none, step none\n")


class Consumer:
    """Delivers five events at once, or as many of them as are asked for."""

    settings: dict[str, Any]

    def __init__(self, *_: str, **settings: Any) -> None:
        Consumer.settings = settings
        self._left = [record(sequence) for sequence in range(1, 6)]

    async def start(self) -> None:
        """Nothing is connected."""

    async def stop(self) -> None:
        """Nothing is connected."""

    async def commit(self) -> None:
        """Nothing is stored."""

    async def getmany(self, *, timeout_ms: int, max_records: int | None) -> dict[TopicPartition, list[Record]]:
        assert timeout_ms > 0
        given, self._left = self._left[:max_records], self._left[max_records or 5 :]
        return {TopicPartition(TOPIC, 0): given}


@pytest.fixture
def follow(example: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The example's ``follow`` with the consumer above."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9")
    monkeypatch.setitem(example["follow"].__globals__, "AIOKafkaConsumer", Consumer)
    return example["follow"]


async def test_it_stops_after_the_number_of_events(
    follow: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    await follow([TOPIC], 2, None)
    assert capsys.readouterr().out.count("EvidenceRecorded") == 2


async def test_a_new_member_waits_seconds_only(follow: Callable[..., Any]) -> None:
    await follow([TOPIC], 1, None)
    assert Consumer.settings["session_timeout_ms"] == 6000
