"""The AsyncAPI document of all messages, made from the contracts.

https://www.asyncapi.com/docs/reference/specification/v3.0.0

``examples/`` has a message of each type. Dead letters are not in the document: they are for operators.
"""

import inspect
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import msgspec

from onboarding_shared.contracts.catalogue import MESSAGES, all_messages, schema_id
from onboarding_shared.contracts.cloudevents import ABOUT_RUNS, CONTENT_TYPE, SPEC_VERSION, encode_headers
from onboarding_shared.contracts.message import VERSION, Message
from onboarding_shared.contracts.portable_patterns import with_portable_patterns
from onboarding_shared.contracts.topics import (
    EVIDENCE,
    EVIDENCE_STORE_AUDIT,
    OPERATION_RUNS,
    SESSION_API_AUDIT,
    SESSIONS,
    TASK_COMMANDS,
    TASK_RUNNER_AUDIT,
    TASK_TYPES,
    Topic,
)

Document = dict[str, Any]

_KAFKA_BINDING = "0.5.0"
_DESCRIPTION = (
    "The messages of the onboarding services on Kafka: CloudEvents 1.0 in binary mode. The key of a record is the "
    "tenant id, so the messages of one tenant and topic are in order. Within v1 only fields with a default and types "
    "of messages are added: ignore what you do not know."
)
_TOPIC_DESCRIPTIONS: Mapping[Topic, str] = {
    TASK_COMMANDS: "Commands to task-runner. Nobody else may read them: they contain the keys of runs.",
    SESSIONS: "Every change of an onboarding session.",
    OPERATION_RUNS: "The start, the progress and the end of each run.",
    TASK_TYPES: "The task types that a runner can run.",
    EVIDENCE: "The results that were recorded as evidence.",
    SESSION_API_AUDIT: "Who made and ended connections, bindings and consent links; repairs of session-api's inbox.",
    TASK_RUNNER_AUDIT: "Repairs of task-runner's inbox.",
    EVIDENCE_STORE_AUDIT: "Chains of evidence that were found broken; repairs of evidence-store's inbox.",
}
_EXAMPLE_ID = "5a6c0b2e-7a53-4a7e-9f0e-2f7a4c9d1b10"
_EXAMPLE_TIME = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
_EXAMPLE_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_EXAMPLE_MAC = "9f2c81d0" * 8
_OPTIONAL_HEADERS = ("ce_traceparent", "ce_mac")


def asyncapi_document() -> Document:
    """The whole document, without servers: their addresses differ per deployment."""
    messages = all_messages()
    _, schemas = msgspec.json.schema_components(messages, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Onboarding events", "version": VERSION, "description": _DESCRIPTION},
        "defaultContentType": CONTENT_TYPE.decode(),
        "channels": {_channel_id(topic): _channel(topic) for topic in MESSAGES},
        "operations": {f"publish-{_channel_id(topic)}": _operation(topic) for topic in MESSAGES},
        "components": {
            "messages": {message.__name__: _message(message) for message in messages},
            "schemas": with_portable_patterns(schemas),
        },
    }


def _channel_id(topic: Topic) -> str:
    return topic.name.removeprefix("onboarding.").removesuffix(f".{VERSION}").replace(".", "-")


def _channel(topic: Topic) -> Document:
    return {
        "address": topic.name,
        "title": topic.name,
        "description": _TOPIC_DESCRIPTIONS[topic],
        "messages": {
            message.__name__: {"$ref": f"#/components/messages/{message.__name__}"} for message in MESSAGES[topic]
        },
        "bindings": {"kafka": {"topic": topic.name, "bindingVersion": _KAFKA_BINDING}},
    }


def _operation(topic: Topic) -> Document:
    channel = f"#/channels/{_channel_id(topic)}"
    return {
        "action": "send",
        "title": f"{topic.publisher} publishes to {topic.name}",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{message.__name__}"} for message in MESSAGES[topic]],
    }


def _message(message: type[Message]) -> Document:
    words = inspect.cleandoc(message.__doc__ or "")
    return {
        "name": message.event_type(),
        "title": message.__name__,
        "summary": words.partition("\n")[0],
        "description": words,
        "headers": _headers(message),
        "payload": {"$ref": f"#/components/schemas/{message.__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "pattern": "^[0-9]{1,19}$", "description": "The tenant id."},
                "bindingVersion": _KAFKA_BINDING,
            }
        },
        "examples": [_example(message)],
    }


def _headers(message: type[Message]) -> Document:
    properties = {
        "ce_specversion": _constant(SPEC_VERSION.decode()),
        "ce_id": _text("The same for every delivery of the same message.", minLength=1),
        "ce_source": _constant(message.topic.source),
        "ce_type": _constant(message.event_type()),
        "ce_time": _text("When the message was written, UTC.", format="date-time"),
        "ce_subject": _text("What the message is about."),
        "ce_dataschema": _constant(schema_id(message)),
        "ce_sequence": _text("The number of the message in its tenant and topic, from 1.", pattern="^[0-9]{19}$"),
        "ce_partitionkey": _text("The tenant id, as in the key.", pattern="^[0-9]{1,19}$"),
        "content-type": _constant(CONTENT_TYPE.decode()),
        "ce_traceparent": _text("W3C trace context; absent where there is no trace."),
    }
    if message.topic.name in ABOUT_RUNS:
        properties["ce_mac"] = _text("Proof for the services that its author is the right one. Ignore it.")
    required = [name for name in properties if name not in _OPTIONAL_HEADERS]
    return {"type": "object", "properties": properties, "required": required}


def _constant(value: str) -> Document:
    return {"type": "string", "const": value}


def _text(description: str, **rules: object) -> Document:
    return {"type": "string", "description": description, **rules}


def _example(message: type[Message]) -> Document:
    data = files("onboarding_shared.contracts").joinpath("examples", f"{message.__name__}.json").read_bytes()
    value = msgspec.json.decode(data, type=message)
    headers = encode_headers(
        message_id=_EXAMPLE_ID,
        source=message.topic.source,
        event_type=message.event_type(),
        time=_EXAMPLE_TIME,
        subject=value.subject,
        tenant_id=value.tenant_id,
        sequence=42,
        traceparent=_EXAMPLE_TRACEPARENT,
        mac=_EXAMPLE_MAC if message.topic.name in ABOUT_RUNS else None,
    )
    return {"headers": {name: text.decode() for name, text in headers}, "payload": msgspec.json.decode(data)}
