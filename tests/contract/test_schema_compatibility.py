"""Readers of the released version and of this one read each other's messages."""

import copy
from typing import Any

import pytest

from tests.contract.schema_compatibility import breaks, present, released

RELEASED = released()
RUN_FINISHED: dict[str, Any] = {
    "$ref": "#/$defs/RunFinished",
    "$defs": {
        "RunFinished": {
            "type": "object",
            "properties": {
                "type": {"enum": ["RunFinished"]},
                "run_id": {"type": "integer", "minimum": 1},
                "status": {"$ref": "#/$defs/CheckStatus"},
                "message": {"anyOf": [{"type": "string", "maxLength": 4000}, {"type": "null"}], "default": None},
                "plans": {"type": "array", "items": {"type": "string"}, "default": []},
            },
            "required": ["type", "run_id", "status"],
        },
        "CheckStatus": {"enum": ["ok", "fail"]},
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    """The schema with another value at the path in its definitions; without that member if the value is None."""
    schema = copy.deepcopy(RUN_FINISHED)
    part: Any = schema["$defs"]
    *parents, last = path.split("/")
    for name in parents:
        part = part[int(name)] if isinstance(part, list) else part[name]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return schema


@pytest.mark.parametrize("event_type", RELEASED)
def test_a_released_message_is_read_by_every_version(event_type: str) -> None:
    now = present()[event_type]
    assert now["topic"] == RELEASED[event_type]["topic"]
    assert breaks(RELEASED[event_type]["schema"], now["schema"]) == []


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("RunFinished/properties/message", None, "$.message: was removed"),
        ("RunFinished/required", ["type", "run_id"], "$.status: is no longer required"),
        ("RunFinished/required", ["type", "run_id", "status", "message"], "$.message: is now required"),
        ("RunFinished/properties/run_id/type", "string", '$.run_id/type: was "integer" and is "string"'),
        ("RunFinished/properties/run_id/minimum", 2, "$.run_id/minimum: was 1 and is 2"),
        ("RunFinished/properties/run_id/maximum", 9, "$.run_id: maximum was added"),
        ("RunFinished/properties/run_id/minimum", None, "$.run_id: minimum was removed"),
        ("RunFinished/properties/message/default", "none", '$.message/default: was null and is "none"'),
        ("RunFinished/properties/plans/items", {"type": "null"}, '$.plans/items/type: was "string" and is "null"'),
        ("CheckStatus/enum", ["ok"], '$.status/enum: was ["ok", "fail"] and is ["ok"]'),
        ("CheckStatus/enum", ["ok", "fail", "warn"], '$.status/enum: was ["ok", "fail"] and is ["ok", "fail", "warn"]'),
        ("RunFinished/properties/message/anyOf/0/maxLength", 10, "$.message/anyOf/0/maxLength: was 4000 and is 10"),
        ("RunFinished/additionalProperties", False, "$: additionalProperties was added"),
    ],
)
def test_a_break_is_named(path: str, value: object, named: str) -> None:
    assert breaks(RUN_FINISHED, changed(path, value)) == [named]


def test_a_required_field_more_is_a_break() -> None:
    after = changed("RunFinished/properties/attempt", {"type": "integer"})
    after["$defs"]["RunFinished"]["required"] = ["type", "run_id", "status", "attempt"]
    assert breaks(RUN_FINISHED, after) == ["$.attempt: was added without a default"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("RunFinished/properties/attempt", {"type": "integer", "default": 0}),
        ("RunFinished/description", "The run ended."),
        ("RunFinished/properties/run_id/title", "The run"),
    ],
)
def test_a_field_with_a_default_and_words_are_no_break(path: str, value: object) -> None:
    assert breaks(RUN_FINISHED, changed(path, value)) == []


def test_a_schema_that_contains_itself_is_compared() -> None:
    schema = {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {"next": {"$ref": "#/$defs/A"}}}}}
    assert breaks(schema, schema) == []
