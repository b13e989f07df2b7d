"""The catalogue of messages: the types of each topic, their decoders and their JSON Schemas."""

import functools
import operator
from collections.abc import Mapping
from typing import Annotated, Any, get_args

import msgspec
from msgspec import Meta, Struct

from onboarding_shared.contracts.audit import AUDIT_MESSAGES
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.message import TYPE_PREFIX, VERSION, Message
from onboarding_shared.contracts.portable_patterns import with_portable_patterns
from onboarding_shared.contracts.session_api import SessionEvent, TaskCommand
from onboarding_shared.contracts.task_runner import RunEventMessage, TaskTypesAnnounced
from onboarding_shared.contracts.topics import EVIDENCE, OPERATION_RUNS, SESSIONS, TASK_COMMANDS, TASK_TYPES, Topic
from onboarding_shared.contracts.types import Id, TenantKey

MESSAGES: Mapping[Topic, tuple[type[Message], ...]] = {
    TASK_COMMANDS: get_args(TaskCommand),
    SESSIONS: get_args(SessionEvent),
    OPERATION_RUNS: get_args(RunEventMessage),
    TASK_TYPES: (TaskTypesAnnounced,),
    EVIDENCE: (EvidenceRecorded,),
    **AUDIT_MESSAGES,
}

_DECODERS = {
    topic.name: msgspec.json.Decoder(functools.reduce(operator.or_, types)) for topic, types in MESSAGES.items()
}
_KNOWN_NAMES = frozenset(message.__name__ for types in MESSAGES.values() for message in types)


class UnknownMessage(Struct, frozen=True, kw_only=True):
    """The members of a message that every version can read: ``type`` is a name that this version does not know."""

    type: Annotated[str, Meta(pattern=r"^[A-Za-z][A-Za-z0-9]{0,99}\Z")]
    tenant_id: TenantKey
    run_id: Id | None = None

    def event_type(self) -> str:
        """The CloudEvents attribute ``type``."""
        return f"{TYPE_PREFIX}{self.type}.{VERSION}"


_envelopes = msgspec.json.Decoder(UnknownMessage)


def decode_any(topic_name: str, data: bytes) -> Message | UnknownMessage:
    """Decode a message, also one of a type that a later version of the publisher has added to the topic.

    Raises ``msgspec.DecodeError`` if it is neither.
    """
    try:
        return _DECODERS[topic_name].decode(data)
    except msgspec.ValidationError:
        envelope = _unknown(data)
        if envelope is None:
            raise
        return envelope


def _unknown(data: bytes) -> UnknownMessage | None:
    try:
        envelope = _envelopes.decode(data)
    except msgspec.ValidationError:
        return None
    return None if envelope.type in _KNOWN_NAMES else envelope


def decode_data(topic_name: str, data: bytes) -> Message:
    """Decode a message. Raises ``msgspec.DecodeError`` if it is not a message of the topic."""
    return _DECODERS[topic_name].decode(data)


def json_schema(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one message's data; its ``$id`` is the CloudEvents ``dataschema``."""
    schema = with_portable_patterns(msgspec.json.schema(message))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": schema_id(message), **schema}


def schema_id(message: type[Message]) -> str:
    """The CloudEvents ``dataschema`` of a message: a URN, because the address differs per deployment."""
    return f"urn:onboarding:schema:{message.event_type()}"


def all_messages() -> tuple[type[Message], ...]:
    """All message types, ordered by topic."""
    return tuple(message for messages in MESSAGES.values() for message in messages)
