"""The catalogue of messages: the types of each topic, their decoders and their JSON Schemas."""

import functools
import operator
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from onboarding_shared.contracts.audit import AUDIT_MESSAGES
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.session_api import SessionEvent, TaskCommand
from onboarding_shared.contracts.task_runner import RunEventMessage, TaskTypesAnnounced
from onboarding_shared.contracts.topics import EVIDENCE, OPERATION_RUNS, SESSIONS, TASK_COMMANDS, TASK_TYPES, Topic

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


def decode_data(topic_name: str, data: bytes) -> Message:
    """Decode a message. Raises ``msgspec.DecodeError`` if it is not a message of the topic."""
    return _DECODERS[topic_name].decode(data)


def json_schema(message: type[Message]) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one message's data; its ``$id`` is the CloudEvents ``dataschema``."""
    schema = msgspec.json.schema(message)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": schema_id(message), **schema}


def schema_id(message: type[Message]) -> str:
    """The CloudEvents ``dataschema`` of a message: a URN, because the address differs per deployment."""
    return f"urn:onboarding:schema:{message.event_type()}"


def all_messages() -> tuple[type[Message], ...]:
    """All message types, ordered by topic."""
    return tuple(message for messages in MESSAGES.values() for message in messages)
