"""Any record is read or refused with a reason; nothing that a broker can deliver makes the decoder fail otherwise."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from onboarding_shared.contracts.cloudevents import Decoded, Headers, PassedOver, Received, Undecodable, decode
from onboarding_shared.contracts.session_api import CancelTask
from onboarding_shared.contracts.topics import ALL_TOPICS, OPERATION_RUNS, TASK_COMMANDS

TOPIC = TASK_COMMANDS.name
CANCEL: dict[str, Any] = {
    "type": "CancelTask",
    "tenant_id": 42,
    "run_id": 1001,
    "requested_by": 7,
    "requested_at": "2026-11-24T09:30:00Z",
}
VALUE = json.dumps(CANCEL).encode()
HEADERS: dict[str, bytes | None] = {
    "ce_specversion": b"1.0",
    "ce_id": b"0b8f1f0e",
    "ce_source": b"/onboarding/session-api",
    "ce_type": b"org.onboarding.CancelTask.v1",
    "ce_sequence": b"17",
}
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
DEEP = 100_000


def headers(**changed: bytes | None) -> list[tuple[str, bytes | None]]:
    return list({**HEADERS, **changed}.items())


def value(**changed: object) -> bytes:
    return json.dumps({**CANCEL, **changed}).encode()


def refusal(key: bytes | None, data: bytes | None, given_headers: Headers) -> str:
    with pytest.raises(Undecodable) as refused:
        decode(TOPIC, key, data, given_headers)
    assert refused.value.detail
    return refused.value.code


def known(decoded: Decoded) -> Received:
    assert isinstance(decoded, Received)
    return decoded


def test_a_sound_record_is_read_with_its_attributes() -> None:
    received = known(
        decode(TOPIC, b"42", VALUE, headers(ce_time=b"2026-11-24T09:30:00Z", ce_traceparent=TRACE.encode()))
    )
    assert isinstance(received.message, CancelTask)
    assert (received.tenant_id, received.sequence, received.topic) == (42, 17, TOPIC)
    assert (received.message_id, received.source) == ("0b8f1f0e", "/onboarding/session-api")
    assert (received.time, received.traceparent) == ("2026-11-24T09:30:00Z", TRACE)


@pytest.mark.parametrize(
    "given",
    [None, b"", b"\x00", TRACE.encode() + b"\x00", b"\xff\xfe", b"garbage", b"00-a-b-01", TRACE.upper().encode()],
)
def test_a_trace_context_that_cannot_be_read_is_left_out(given: bytes | None) -> None:
    received = known(decode(TOPIC, b"42", VALUE, headers(ce_traceparent=given)))
    assert isinstance(received.message, CancelTask)
    assert received.traceparent is None


def test_the_known_part_of_a_later_trace_context_is_kept() -> None:
    received = known(decode(TOPIC, b"42", VALUE, headers(ce_traceparent=b"cc" + TRACE[2:].encode() + b"-more")))
    assert received.traceparent == TRACE


def test_headers_of_others_may_be_anything() -> None:
    others: Headers = [*headers(), ("x-any", None), ("y", b"\xff"), ("", b""), ("ce", b"\xff")]
    assert decode(TOPIC, b"42", VALUE, others).sequence == 17


@pytest.mark.parametrize(
    ("key", "data", "given_headers", "code"),
    [
        (b"42", None, headers(), "VALUE_MISSING"),
        (b"42", b"", headers(), "DATA_NOT_JSON"),
        (b"42", b"\xff\xfe", headers(), "DATA_NOT_JSON"),
        (b"42", b"{", headers(), "DATA_NOT_JSON"),
        (b"42", b"[" * DEEP, headers(), "DATA_INVALID"),
        (b"42", VALUE + b"x", headers(), "DATA_NOT_JSON"),
        (b"42", b"null", headers(), "DATA_INVALID"),
        (b"42", b"{}", headers(), "DATA_INVALID"),
        (b"42", value(type="RunStarted"), headers(), "DATA_INVALID"),
        (b"42", value(run_id=2**63), headers(), "DATA_INVALID"),
        (b"42", VALUE, headers(ce_type=b"org.onboarding.StartTask.v1"), "TYPE_MISMATCH"),
        (b"42", VALUE, headers(ce_type=b"org.onboarding.CancelTask.v2"), "TYPE_MISMATCH"),
        (b"43", VALUE, headers(), "KEY_MISMATCH"),
        (b"042", VALUE, headers(), "KEY_MISMATCH"),
        (None, VALUE, headers(), "KEY_MISMATCH"),
        (b"42", VALUE, headers(ce_id=None), "HEADER_INVALID"),
        (b"42", VALUE, headers(ce_anything=None), "HEADER_INVALID"),
        (b"42", VALUE, headers(ce_source=b"\xff"), "HEADER_INVALID"),
        (b"42", VALUE, headers(ce_source=b"/staging/session-api"), "SOURCE_FOREIGN"),
        (b"42", VALUE, headers(ce_source=b"/onboarding/task-runner"), "SOURCE_FOREIGN"),
        (b"42", VALUE, headers(ce_source=b"/onboarding/session-api/"), "SOURCE_FOREIGN"),
        (b"42", VALUE, headers(ce_id=b""), "HEADER_MISSING"),
        (b"42", VALUE, [pair for pair in headers() if pair[0] != "ce_sequence"], "HEADER_MISSING"),
        (b"42", VALUE, [], "NOT_A_CLOUDEVENT"),
        (b"42", VALUE, headers(ce_specversion=b"0.3"), "NOT_A_CLOUDEVENT"),
    ],
)
def test_a_record_that_violates_a_rule_has_its_code(
    key: bytes | None, data: bytes | None, given_headers: Headers, code: str
) -> None:
    assert refusal(key, data, given_headers) == code


LATER = b"org.onboarding.AddedLater.v1"


def test_a_message_of_an_unknown_type_is_passed_over() -> None:
    assert decode(
        TOPIC, b"42", b'{"type":"AddedLater","tenant_id":42,"new":[1]}', headers(ce_type=LATER)
    ) == PassedOver(event_type="org.onboarding.AddedLater.v1", topic=TOPIC, tenant_id=42, sequence=17)


@pytest.mark.parametrize(
    ("key", "data", "given_headers", "code"),
    [
        (b"42", b'{"type":"AddedLater","tenant_id":42', headers(ce_type=LATER), "DATA_NOT_JSON"),
        (b"42", b'{"type":"AddedLater"}', headers(ce_type=LATER), "DATA_INVALID"),
        (b"42", b'{"type":"AddedLater","tenant_id":-1}', headers(ce_type=LATER), "DATA_INVALID"),
        (b"42", b'{"type":"Added Later","tenant_id":42}', headers(ce_type=LATER), "DATA_INVALID"),
        (b"42", b'{"type":"Another","tenant_id":42}', headers(ce_type=LATER), "TYPE_MISMATCH"),
        (b"42", b'{"type":"AddedLater","tenant_id":42}', headers(), "TYPE_MISMATCH"),
        (b"42", VALUE, headers(ce_type=LATER), "TYPE_MISMATCH"),
        (b"43", b'{"type":"AddedLater","tenant_id":42}', headers(ce_type=LATER), "KEY_MISMATCH"),
        (b"42", b'{"type":"AddedLater","tenant_id":42}', headers(ce_type=LATER, ce_sequence=b"x"), "SEQUENCE_INVALID"),
        (b"42", b'{"type":"AddedLater","tenant_id":42}', headers(ce_type=LATER, ce_source=b"/x"), "SOURCE_FOREIGN"),
    ],
)
def test_an_invalid_message_of_an_unknown_type_is_refused(
    key: bytes, data: bytes, given_headers: Headers, code: str
) -> None:
    assert refusal(key, data, given_headers) == code


@pytest.mark.parametrize(
    "sequence",
    [
        "0",
        "-1",
        "+1",
        "1.0",
        " 1",
        "1_0",
        "٣",
        "²",
        "9223372036854775808",
        "007",
        "1" * 5000,
        "one",
        "0" * 19,
        "0" * 19 + "7",
        "0" * 17 + "7",
        "0000000000000000007\n",
    ],
)
def test_a_sequence_number_out_of_range_is_refused(sequence: str) -> None:
    assert refusal(b"42", VALUE, headers(ce_sequence=sequence.encode())) == "SEQUENCE_INVALID"


@pytest.mark.parametrize("written", [b"17", b"0000000000000000017"])
def test_a_sequence_is_read_with_zeros_and_without(written: bytes) -> None:
    assert decode(TOPIC, b"42", VALUE, headers(ce_sequence=written)).sequence == 17


def test_the_largest_sequence_is_read() -> None:
    assert decode(TOPIC, b"42", VALUE, headers(ce_sequence=b"9223372036854775807")).sequence == 2**63 - 1


names = st.sampled_from([*HEADERS, "ce_time", "ce_traceparent", "content-type"]) | st.text()
any_headers = st.lists(st.tuples(names, st.none() | st.binary() | st.sampled_from(list(HEADERS.values()))), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
topics = st.sampled_from([topic.name for topic in ALL_TOPICS])


def assert_read_or_refused(topic: str, key: bytes | None, data: bytes | None, given_headers: Headers) -> None:
    try:
        received = decode(topic, key, data, given_headers)
    except Undecodable as refused:
        assert refused.code
        assert refused.detail
    else:
        assert isinstance(received, Received | PassedOver)
        assert key == str(received.tenant_id).encode()
        assert 1 <= received.sequence < 2**63


@settings(max_examples=150, deadline=None)
@given(topic=topics, key=st.none() | st.binary(), data=st.none() | st.binary(), given_headers=any_headers)
def test_any_bytes_are_read_or_refused(
    topic: str, key: bytes | None, data: bytes | None, given_headers: list[tuple[str, bytes | None]]
) -> None:
    assert_read_or_refused(topic, key, data, given_headers)


@settings(max_examples=150, deadline=None)
@given(topic=topics, data=st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@example(topic=TOPIC, data=b'{"type":' * DEEP)
@example(topic=TOPIC, data=b'{"type":"CancelTask","x":' + b"[" * DEEP)
@example(topic=OPERATION_RUNS.name, data=b'{"type":"RunFinished","payload":' + b'{"a":' * DEEP)
@example(topic=TOPIC, data=b'{"type":"\xed\xa0\x80"}')
@example(topic=TOPIC, data=b'{"type":"\\ud800"}')
@example(topic=TOPIC, data=b"1e999999")
@example(topic=TOPIC, data=b"9" * DEEP)
@example(topic=TOPIC, data=VALUE.replace(b"1001", b"1001.0"))
def test_any_value_under_sound_headers_is_read_or_refused(topic: str, data: bytes) -> None:
    assert_read_or_refused(topic, b"42", data, headers())


@settings(max_examples=150, deadline=None)
@given(field=st.sampled_from(sorted(CANCEL)), written=json_values, given_headers=any_headers)
def test_a_message_with_one_spoiled_field_is_decoded_or_refused(
    field: str, written: object, given_headers: list[tuple[str, bytes | None]]
) -> None:
    data = value(**{field: written})
    assert_read_or_refused(TOPIC, b"42", data, headers())
    assert_read_or_refused(TOPIC, b"42", data, given_headers)


@settings(max_examples=150, deadline=None)
@given(name=st.sampled_from(sorted(HEADERS)), written=st.none() | st.binary())
@example(name="ce_sequence", written="٣".encode())
@example(name="ce_sequence", written=b"1" * 10_000)
def test_a_record_with_one_spoiled_header_is_decoded_or_refused(name: str, written: bytes | None) -> None:
    assert_read_or_refused(TOPIC, b"42", VALUE, headers(**{name: written}))
