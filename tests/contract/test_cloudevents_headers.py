"""Our records are CloudEvents to somebody else's reader, and somebody else's CloudEvents are records to ours."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event, to_binary_event
from cloudevents.core.v1.event import CloudEvent

from onboarding_shared.contracts.catalogue import all_messages, schema_id
from onboarding_shared.contracts.cloudevents import decode, encode_headers
from onboarding_shared.contracts.dead_letters import DeadLettered
from onboarding_shared.contracts.message import Message
from tests.contract.messages import EXPECTED

MESSAGE_ID = "0b8f1f0e-7a53-4a7e-9f0e-2f7a4c9d1b10"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SENT = datetime(2026, 11, 24, 10, 30, 0, 1, timezone(timedelta(hours=1)))
ON_A_TOPIC = [message for message in EXPECTED if not isinstance(message, DeadLettered)]


BY_TASK_RUNNER = (
    "RunStarted",
    "RunProgressed",
    "RunFinished",
    "TaskTypesAnnounced",
    "TaskRunnerDeadLetterReplayed",
    "TaskRunnerDeadLettersDiscarded",
    "TaskRunnerInboxRepaired",
)
BY_EVIDENCE_STORE = (
    "EvidenceRecorded",
    "EvidenceBroken",
    "EvidenceStoreDeadLetterReplayed",
    "EvidenceStoreDeadLettersDiscarded",
    "EvidenceStoreInboxRepaired",
)


def source_of(message: Message) -> str:
    name = type(message).__name__
    if name in BY_TASK_RUNNER:
        return "/onboarding/task-runner"
    return "/onboarding/evidence-store" if name in BY_EVIDENCE_STORE else "/onboarding/session-api"


def headers_of(
    message: Message, traceparent: str | None = TRACEPARENT, *, sequence: int = 17
) -> list[tuple[str, bytes]]:
    return encode_headers(
        message_id=MESSAGE_ID,
        source=source_of(message),
        event_type=message.event_type(),
        time=SENT,
        subject=message.subject,
        tenant_id=message.tenant_id,
        sequence=sequence,
        traceparent=traceparent,
    )


def read_by_the_sdk(message: Message) -> CloudEvent:
    key = str(message.tenant_id).encode()
    event = from_kafka_event(KafkaMessage(dict(headers_of(message)), key, msgspec.json.encode(message)))
    assert isinstance(event, CloudEvent)
    return event


def test_the_headers_of_a_record_are_these() -> None:
    start = ON_A_TOPIC[0]
    assert headers_of(start) == [
        ("ce_specversion", b"1.0"),
        ("ce_id", MESSAGE_ID.encode()),
        ("ce_source", b"/onboarding/session-api"),
        ("ce_type", b"org.onboarding.StartTask.v1"),
        ("ce_time", b"2026-11-24T09:30:00.000001Z"),
        ("ce_subject", b"runs/9223372036854775807"),
        ("ce_dataschema", b"urn:onboarding:schema:org.onboarding.StartTask.v1"),
        ("ce_sequence", b"0000000000000000017"),
        ("ce_partitionkey", b"42"),
        ("content-type", b"application/json"),
        ("ce_traceparent", TRACEPARENT.encode()),
    ]


@pytest.mark.parametrize("sequence", [1, 9, 99, 2**31, 10**18 - 1, 2**63 - 2])
def test_sequences_have_the_same_order_as_text(sequence: int) -> None:
    texts = [dict(headers_of(ON_A_TOPIC[0], sequence=number))["ce_sequence"] for number in (sequence, sequence + 1)]
    assert texts[0] < texts[1]


def test_a_record_outside_a_trace_has_no_traceparent() -> None:
    assert "ce_traceparent" not in dict(headers_of(ON_A_TOPIC[0], traceparent=None))


@pytest.mark.parametrize("message", EXPECTED, ids=lambda message: type(message).__name__)
def test_the_cloudevents_sdk_reads_our_records(message: Message) -> None:
    event = read_by_the_sdk(message)
    assert event.get_specversion() == "1.0"
    assert event.get_id() == MESSAGE_ID
    assert event.get_source() == source_of(message)
    assert event.get_type() == f"org.onboarding.{type(message).__name__}.v1"
    assert event.get_time() == datetime(2026, 11, 24, 9, 30, 0, 1, UTC)
    assert event.get_subject() == message.subject
    assert event.get_dataschema() == schema_id(type(message))
    assert event.get_datacontenttype() == "application/json"
    assert event.get_extension("sequence") == "0000000000000000017"
    assert event.get_extension("partitionkey") == str(message.tenant_id)
    assert event.get_extension("traceparent") == TRACEPARENT
    assert event.get_data() == json.loads(msgspec.json.encode(message))


@pytest.mark.parametrize("message", ON_A_TOPIC, ids=lambda message: type(message).__name__)
def test_what_the_sdk_writes_is_read_by_us(message: Message) -> None:
    record = to_binary_event(read_by_the_sdk(message))
    key = record.key.encode() if isinstance(record.key, str) else record.key
    received = decode(message.topic.name, key, record.value, list(record.headers.items()))
    assert received.message == message
    assert received.tenant_id == message.tenant_id
    assert received.sequence == 17
    assert received.message_id == MESSAGE_ID
    assert received.source == source_of(message)
    assert received.traceparent == TRACEPARENT


@pytest.mark.parametrize("message", ON_A_TOPIC, ids=lambda message: type(message).__name__)
def test_we_read_what_we_write(message: Message) -> None:
    key = str(message.tenant_id).encode()
    received = decode(message.topic.name, key, msgspec.json.encode(message), headers_of(message))
    assert received.message == message
    assert received.time == "2026-11-24T09:30:00.000001Z"


def test_the_types_are_reverse_dns_names_with_a_version() -> None:
    assert sorted(message.event_type() for message in all_messages()) == [
        "org.onboarding.CancelTask.v1",
        "org.onboarding.ConnectionCreated.v1",
        "org.onboarding.ConnectionDisabled.v1",
        "org.onboarding.ConsentAnswered.v1",
        "org.onboarding.ConsentLinkCreated.v1",
        "org.onboarding.ConsentRequested.v1",
        "org.onboarding.EvidenceBroken.v1",
        "org.onboarding.EvidenceRecorded.v1",
        "org.onboarding.EvidenceStoreDeadLetterReplayed.v1",
        "org.onboarding.EvidenceStoreDeadLettersDiscarded.v1",
        "org.onboarding.EvidenceStoreInboxRepaired.v1",
        "org.onboarding.ResumeTask.v1",
        "org.onboarding.RunFinished.v1",
        "org.onboarding.RunProgressed.v1",
        "org.onboarding.RunStarted.v1",
        "org.onboarding.SessionAbandoned.v1",
        "org.onboarding.SessionApiDeadLetterReplayed.v1",
        "org.onboarding.SessionApiDeadLettersDiscarded.v1",
        "org.onboarding.SessionApiInboxRepaired.v1",
        "org.onboarding.SessionAssigned.v1",
        "org.onboarding.SessionCompleted.v1",
        "org.onboarding.SessionConnectionChosen.v1",
        "org.onboarding.SessionLockChanged.v1",
        "org.onboarding.SessionStarted.v1",
        "org.onboarding.SessionStepChanged.v1",
        "org.onboarding.SessionTakenOver.v1",
        "org.onboarding.StartTask.v1",
        "org.onboarding.TaskRunnerDeadLetterReplayed.v1",
        "org.onboarding.TaskRunnerDeadLettersDiscarded.v1",
        "org.onboarding.TaskRunnerInboxRepaired.v1",
        "org.onboarding.TaskTypesAnnounced.v1",
        "org.onboarding.TenantBindingRemoved.v1",
        "org.onboarding.TenantBindingSet.v1",
    ]
