"""The AsyncAPI document is one by AsyncAPI's own rules, and says what the services publish."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from onboarding_shared.contracts.asyncapi import asyncapi_document
from onboarding_shared.contracts.catalogue import all_messages, json_schema
from onboarding_shared.contracts.cloudevents import Received, decode
from onboarding_shared.contracts.message import Message

RULES = Path(__file__).parent / "asyncapi-3.0.0.json.gz"
"""``schemas/3.0.0-without-$id.json`` of the npm package @asyncapi/specs 6.8.1, compressed (Apache-2.0)."""
HEADERS = [
    "ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_dataschema", "ce_sequence",
    "ce_partitionkey", "content-type", "ce_traceparent",
]  # fmt: skip

Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    return json.loads(msgspec.json.encode(asyncapi_document()))


@pytest.fixture(scope="module")
def rules() -> jsonschema_rs.Draft7Validator:
    return jsonschema_rs.Draft7Validator(json.loads(gzip.decompress(RULES.read_bytes())))


def message_of(document: Document, message: type[Message]) -> Document:
    return document["components"]["messages"][message.__name__]


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_the_document_keeps_the_rules_of_asyncapi(document: Document, rules: jsonschema_rs.Draft7Validator) -> None:
    assert [f"{error.instance_path}: {error.message[:200]}" for error in rules.iter_errors(document)] == []


@pytest.mark.parametrize(
    "broken", [{"asyncapi": "2.6.0"}, {"info": {"title": "Events"}}, {"operations": {"a": {"action": "publish"}}}]
)
def test_the_rules_notice_a_broken_document(
    document: Document, rules: jsonschema_rs.Draft7Validator, broken: Document
) -> None:
    assert not rules.is_valid({**document, **broken})


def test_every_topic_is_a_channel(document: Document) -> None:
    assert {name: channel["address"] for name, channel in document["channels"].items()} == {
        "task-commands": "onboarding.task-commands.v1",
        "sessions": "onboarding.sessions.v1",
        "operation-runs": "onboarding.operation-runs.v1",
        "task-types": "onboarding.task-types.v1",
        "evidence": "onboarding.evidence.v1",
        "audit-session-api": "onboarding.audit.session-api.v1",
        "audit-task-runner": "onboarding.audit.task-runner.v1",
        "audit-evidence-store": "onboarding.audit.evidence-store.v1",
    }


def test_every_message_is_on_the_channel_of_its_topic(document: Document) -> None:
    on_channels = {
        (channel["address"], name) for channel in document["channels"].values() for name in channel["messages"]
    }
    assert on_channels == {(message.topic.name, message.__name__) for message in all_messages()}


def test_every_reference_leads_somewhere(document: Document) -> None:
    for reference in set(references(document)):
        part: Any = document
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]


@pytest.mark.parametrize("message", all_messages())
def test_the_headers_are_those_of_a_record(document: Document, message: type[Message]) -> None:
    headers = message_of(document, message)["headers"]
    with_mac = message.topic.name in ("onboarding.task-commands.v1", "onboarding.operation-runs.v1")
    assert list(headers["properties"]) == HEADERS + ["ce_mac"] * with_mac
    assert headers["required"] == HEADERS[:-1]


@pytest.mark.parametrize("message", all_messages())
def test_the_example_is_a_record_that_is_read(document: Document, message: type[Message]) -> None:
    shown = message_of(document, message)
    (example,) = shown["examples"]
    value = json.dumps(example["payload"]).encode()
    headers = [(name, text.encode()) for name, text in example["headers"].items()]
    received = decode(message.topic.name, str(example["payload"]["tenant_id"]).encode(), value, headers)
    assert isinstance(received, Received)
    assert type(received.message) is message
    assert jsonschema_rs.is_valid(shown["headers"], example["headers"])
    assert jsonschema_rs.is_valid(json_schema(message), example["payload"])


@pytest.mark.parametrize("message", all_messages())
def test_its_schema_is_the_published_one(document: Document, message: type[Message]) -> None:
    published = json_schema(message)["$defs"]
    in_document = json.loads(json.dumps(document["components"]["schemas"]).replace("#/components/schemas/", "#/$defs/"))
    assert {name: in_document[name] for name in published} == json.loads(msgspec.json.encode(published))
