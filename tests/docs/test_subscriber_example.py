"""The example of a subscriber keeps the rules of docs/how-to/subscribe-to-events.md."""

import runpy
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import ConsumerRecord

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
