"""Records become CloudEvents in their JSON format, or are refused with the reason."""

import pytest
from aiokafka import ConsumerRecord

from onboarding_devstack.event_log import TOPICS, NotAnEvent, event_of, full_type, matches, short_type
from onboarding_shared.contracts.session_api import SessionStarted
from tests.support.published_events import headers_of

MESSAGE = SessionStarted(tenant_id=42, session_id=9, by_user_id=7)
VALUE = b'{"type":"SessionStarted","tenant_id":42,"session_id":9,"by_user_id":7}'
HEADERS = headers_of(MESSAGE, 3)


def record(value: bytes | None = VALUE, headers: list[tuple[str, bytes]] = HEADERS) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(MESSAGE.topic.name, 0, 5, 0, 0, b"42", value, None, 2, len(value or b""), headers)


def test_an_event_has_its_attributes_beside_its_data() -> None:
    assert event_of(record()) == {
        "specversion": "1.0",
        "id": "m3",
        "source": "/onboarding/session-api",
        "type": "org.onboarding.SessionStarted.v1",
        "time": "2026-11-24T09:30:00.000000Z",
        "subject": "sessions/9",
        "dataschema": "urn:onboarding:schema:org.onboarding.SessionStarted.v1",
        "sequence": "0000000000000000003",
        "partitionkey": "42",
        "datacontenttype": "application/json",
        "data": {"type": "SessionStarted", "tenant_id": 42, "session_id": 9, "by_user_id": 7},
    }


@pytest.mark.parametrize(
    "value", [None, b"", b"{", b"\xff", b"7", b"[" * 100_000], ids=["null", "empty", "cut", "bytes", "7", "deep"]
)
def test_a_value_that_is_no_json_object_is_refused(value: bytes | None) -> None:
    with pytest.raises(NotAnEvent, match="the value is no"):
        event_of(record(value))


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_partitionkey"])
def test_a_record_without_a_required_header_is_refused(name: str) -> None:
    with pytest.raises(NotAnEvent, match=name):
        event_of(record(headers=[header for header in HEADERS if header[0] != name]))


def test_a_header_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(NotAnEvent, match="ce_subject"):
        event_of(record(headers=[*HEADERS, ("ce_subject", b"\xff")]))


@pytest.mark.parametrize(
    ("types", "tenant", "expected"),
    [
        ((), None, True),
        ((), 42, True),
        ((), 4, False),
        (["org.onboarding.SessionStarted.v1"], 42, True),
        (["org.onboarding.RunFinished.v1"], None, False),
    ],
)
def test_an_event_is_chosen_by_type_and_tenant(types: list[str], tenant: int | None, expected: bool) -> None:
    assert matches(event_of(record()), types, tenant) is expected


def test_types_have_a_short_name_and_a_whole_one() -> None:
    assert full_type("RunFinished") == "org.onboarding.RunFinished.v1"
    assert full_type("com.example.Sent.v2") == "com.example.Sent.v2"
    assert short_type(event_of(record())) == "SessionStarted"


def test_the_topic_with_the_keys_of_runs_is_not_read() -> None:
    assert "onboarding.task-commands.v1" not in TOPICS
    assert "onboarding.operation-runs.v1" in TOPICS
