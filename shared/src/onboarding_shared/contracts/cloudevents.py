"""CloudEvents 1.0 in Kafka's binary mode: attributes as ``ce_*`` headers, the message as the record's value.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
The extensions used: ``sequence`` (gapless per tenant and topic, from 1; as text in the same order as the numbers),
``partitionkey``, ``traceparent``, and ``mac`` on messages about a run.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from onboarding_shared.contracts.catalogue import UnknownMessage, decode_any
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.session_api import RunCommand
from onboarding_shared.contracts.task_runner import RunMessage
from onboarding_shared.contracts.topics import OPERATION_RUNS, SOURCES, TASK_COMMANDS
from onboarding_shared.contracts.traceparent import known_part

SPEC_VERSION = b"1.0"
CONTENT_TYPE = b"application/json"
_SPEC_VERSION_TEXT = SPEC_VERSION.decode()
_REQUIRED = ("ce_id", "ce_source", "ce_type", "ce_sequence")
_TRACEPARENT = "ce_traceparent"
_MAC = "ce_mac"
ABOUT_RUNS = frozenset({OPERATION_RUNS.name, TASK_COMMANDS.name})
_WITH_RUN_ID = (RunMessage, RunCommand, UnknownMessage)
_SEQUENCE = re.compile(r"(?:[0-9]{19}|[1-9][0-9]{0,17})\Z")
"""A sequence as publishers write it, in the 19 digits that 2^63-1 has, or as in version 0.1, without zeros in front."""
_MAX_SEQUENCE = 2**63 - 1

Headers = Sequence[tuple[str, bytes | None]]


class Undecodable(Exception):
    """A record that is not a valid message; ``code`` identifies the violated rule."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """A message received from Kafka."""

    message: Message
    topic: str
    tenant_id: int
    sequence: int
    message_id: str
    source: str
    time: str
    traceparent: str | None = None


class PassedOver(msgspec.Struct, frozen=True, kw_only=True):
    """A message of a type that this version does not know. It uses up its sequence number, and that is all."""

    event_type: str
    topic: str
    tenant_id: int
    sequence: int


Decoded = Received | PassedOver


def encode_headers(
    *,
    message_id: str,
    source: str,
    event_type: str,
    time: datetime,
    subject: str,
    tenant_id: int,
    sequence: int,
    traceparent: str | None,
    mac: str | None = None,
) -> list[tuple[str, bytes]]:
    """Create the headers of a record; ``time`` is formatted as RFC 3339 in UTC."""
    headers = [
        ("ce_specversion", SPEC_VERSION),
        ("ce_id", message_id.encode()),
        ("ce_source", source.encode()),
        ("ce_type", event_type.encode()),
        ("ce_time", rfc3339(time).encode()),
        ("ce_subject", subject.encode()),
        ("ce_dataschema", f"urn:onboarding:schema:{event_type}".encode()),
        ("ce_sequence", b"%019d" % sequence),
        ("ce_partitionkey", str(tenant_id).encode()),
        ("content-type", CONTENT_TYPE),
    ]
    if traceparent is not None:
        headers.append((_TRACEPARENT, traceparent.encode()))
    if mac is not None:
        headers.append((_MAC, mac.encode()))
    return headers


def decode(
    topic: str, key: bytes | None, value: bytes | None, headers: Headers, run_keys: RunKeys | None = None
) -> Decoded:
    """Decode a record. Raises only ``Undecodable``, for any input.

    An invalid trace context is ignored. With ``run_keys`` a message about a run must have the MAC of that run.
    """
    attributes = _attributes(headers)
    source, event_type, written = attributes["ce_source"], attributes["ce_type"], attributes["ce_sequence"]
    if source != SOURCES[topic]:
        raise Undecodable("SOURCE_FOREIGN", f"ce_source is {source[:200]!r}, not {SOURCES[topic]}.")
    if value is None:
        raise Undecodable("VALUE_MISSING", "The record has no value.")
    try:
        message = decode_any(topic, value)
    except msgspec.ValidationError as error:
        raise Undecodable("DATA_INVALID", f"The value is not a message of {topic}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable("DATA_NOT_JSON", f"The value is not JSON: {error}") from error
    if event_type != message.event_type():
        raise Undecodable("TYPE_MISMATCH", f"ce_type is {event_type[:200]!r}, the value a {message.event_type()}.")
    tenant_id = message.tenant_id
    if key != b"%d" % tenant_id:
        raise Undecodable("KEY_MISMATCH", f"The key is not the tenant id {tenant_id}.")
    sequence = int(written) if _SEQUENCE.match(written) else 0
    if not 1 <= sequence <= _MAX_SEQUENCE:
        raise Undecodable("SEQUENCE_INVALID", f"ce_sequence is {written[:100]!r}, not a number from 1 to 2^63-1.")
    if run_keys is not None and topic in ABOUT_RUNS:
        run_id = message.run_id if isinstance(message, _WITH_RUN_ID) else None
        mac = attributes.get(_MAC)
        if run_id is None or not run_keys.accept(mac, tenant_id, run_id, topic=topic, sequence=sequence, data=value):
            raise Undecodable("MAC_INVALID", f"The message about run {run_id} has no valid ce_mac.")
    if isinstance(message, UnknownMessage):
        return PassedOver(event_type=event_type, topic=topic, tenant_id=tenant_id, sequence=sequence)
    return Received(
        message=message,
        topic=topic,
        tenant_id=tenant_id,
        sequence=sequence,
        message_id=attributes["ce_id"],
        source=source,
        time=attributes.get("ce_time", ""),
        traceparent=known_part(attributes.get(_TRACEPARENT)),
    )


def rfc3339(time: datetime) -> str:
    """Format a time as RFC 3339 in UTC with microseconds, for example ``2026-11-24T09:30:00.000000Z``."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _attributes(headers: Headers) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for name, value in headers:
        if not name.startswith("ce_"):
            continue
        if name == _TRACEPARENT:
            attributes[name] = "" if value is None else value.decode("latin-1")
            continue
        if value is None:
            raise Undecodable("HEADER_INVALID", f"The header {name[:100]!r} is null.")
        try:
            attributes[name] = value.decode()
        except UnicodeDecodeError:
            raise Undecodable("HEADER_INVALID", f"The header {name[:100]!r} is not UTF-8.") from None
    if attributes.get("ce_specversion") != _SPEC_VERSION_TEXT:
        raise Undecodable("NOT_A_CLOUDEVENT", "The header ce_specversion is not 1.0.")
    for name in _REQUIRED:
        if not attributes.get(name):
            missing = [name for name in _REQUIRED if not attributes.get(name)]
            raise Undecodable("HEADER_MISSING", f"Missing: {', '.join(missing)}.")
    return attributes
