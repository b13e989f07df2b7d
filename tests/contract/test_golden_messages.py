"""Each message equals its published example byte for byte, and its published schema accepts it."""

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from jsonschema import Draft202012Validator

from onboarding_shared.contracts.catalogue import MESSAGES, all_messages, decode_data, json_schema
from onboarding_shared.contracts.dead_letters import DeadLettered
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.topics import ALL_TOPICS
from tests.contract.messages import EXPECTED, GOLDEN, SPOILED

TYPES = [*all_messages(), DeadLettered]
BY_NAME = {type(message).__name__: message for message in EXPECTED}


def golden(message: type[Message]) -> bytes:
    return (GOLDEN / f"{message.__name__}.json").read_bytes()


def schema_accepts(message: type[Message], data: object) -> bool:
    return jsonschema_rs.Draft202012Validator(json_schema(message), validate_formats=True).is_valid(data)


def decoder_accepts(message: type[Message], data: object) -> bool:
    try:
        msgspec.json.decode(json.dumps(data).encode(), type=message)
    except msgspec.ValidationError:
        return False
    return True


def test_messages_and_golden_files_correspond_one_to_one() -> None:
    names = sorted(message.__name__ for message in TYPES)
    assert sorted(path.name.removesuffix(".json") for path in GOLDEN.iterdir()) == names
    assert sorted(BY_NAME) == names


@pytest.mark.parametrize("message", TYPES)
def test_a_message_is_written_as_its_golden_file(message: type[Message]) -> None:
    assert msgspec.json.encode(BY_NAME[message.__name__]) == msgspec.json.format(golden(message), indent=-1)


@pytest.mark.parametrize("message", TYPES)
def test_a_golden_file_is_read_as_the_message(message: type[Message]) -> None:
    assert msgspec.json.decode(golden(message), type=message) == BY_NAME[message.__name__]


@pytest.mark.parametrize("message", all_messages())
def test_the_topic_tells_its_messages_apart_by_their_type(message: type[Message]) -> None:
    assert decode_data(message.topic.name, golden(message)) == BY_NAME[message.__name__]


@pytest.mark.parametrize("message", all_messages())
def test_a_message_is_refused_on_every_topic_but_its_own(message: type[Message]) -> None:
    for topic in ALL_TOPICS:
        if topic != message.topic:
            with pytest.raises(msgspec.ValidationError):
                decode_data(topic.name, golden(message))


@pytest.mark.parametrize("message", TYPES)
def test_a_field_of_a_newer_version_is_ignored(message: type[Message]) -> None:
    newer = {**json.loads(golden(message)), "added_in_a_later_release": {"any": "thing"}}
    assert msgspec.json.decode(json.dumps(newer).encode(), type=message) == BY_NAME[message.__name__]
    assert schema_accepts(message, newer)


@pytest.mark.parametrize("message", TYPES)
def test_the_published_schema_is_valid_and_accepts_the_golden_file(message: type[Message]) -> None:
    Draft202012Validator.check_schema(json_schema(message))
    assert schema_accepts(message, json.loads(golden(message)))


@pytest.mark.parametrize(("message", "spoil"), SPOILED)
def test_a_spoiled_message_is_refused_by_schema_and_decoder(message: type[Message], spoil: dict[str, Any]) -> None:
    spoiled = {**json.loads(golden(message)), **spoil}
    assert not schema_accepts(message, spoiled)
    assert not decoder_accepts(message, spoiled)


@pytest.mark.parametrize("message", TYPES)
@pytest.mark.parametrize("spoil", [{"type": "Other"}, {"tenant_id": -1}, {"tenant_id": 2**63}, {"tenant_id": "42"}])
def test_a_foreign_type_or_an_impossible_tenant_is_refused(message: type[Message], spoil: dict[str, Any]) -> None:
    spoiled = {**json.loads(golden(message)), **spoil}
    assert not schema_accepts(message, spoiled)
    assert not decoder_accepts(message, spoiled)


@pytest.mark.parametrize("message", TYPES)
def test_schema_and_decoder_require_the_same_fields(message: type[Message]) -> None:
    whole = json.loads(golden(message))
    for field in whole.keys() - {"type"}:  # a reader does without it where a topic has one message only
        without = {name: value for name, value in whole.items() if name != field}
        assert schema_accepts(message, without) == decoder_accepts(message, without), field


def test_every_message_is_spoiled_somewhere() -> None:
    assert {message for message, _ in SPOILED} == set(TYPES)


@pytest.mark.parametrize("message", TYPES)
def test_the_schema_names_every_moment_as_one(message: type[Message]) -> None:
    properties = json_schema(message)["$defs"][message.__name__]["properties"]
    moments = {name: text for name, text in properties.items() if name.endswith("_at")}
    assert all('"format": "date-time"' in json.dumps(text) for text in moments.values()), moments


def test_every_topic_has_messages() -> None:
    assert set(MESSAGES) == set(ALL_TOPICS)
