"""Inputs of a start: what fits a schema, and what no schema from a message can do."""

import json
import time
from typing import Any

import pytest

from onboarding_shared.contracts.inputs import canonical, schema_defect
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import Mode, RunState, Scope
from session_api.domain.guard import NO_ARGUMENTS, ActiveRun, Arguments, Blocked, Created, Reused, decide
from session_api.domain.inputs import Declared, DryRunNotSupported, InputsInvalid, InputsNotAccepted, refuse_inputs
from session_api.use_cases.inputs import check_inputs, usable

SCHEMA: dict[str, Any] = {
    "$ref": "#/$defs/Group",
    "$defs": {
        "Group": {
            "type": "object",
            "properties": {
                "group": {"type": "string", "maxLength": 10, "pattern": r"^[^\x00]*$"},
                "days": {"type": "integer", "minimum": 1, "maximum": 90, "default": 30},
                "kind": {"enum": ["security", "mail"]},
                "until": {"type": "string", "format": "date-time"},
                "owner": {"anyOf": [{"$ref": "#/$defs/Owner"}, {"type": "null"}], "default": None},
                "members": {"type": "array", "items": {"$ref": "#/$defs/Owner"}, "maxItems": 2},
            },
            "required": ["group"],
            "additionalProperties": False,
        },
        "Owner": {
            "type": "object",
            "properties": {"na/me~": {"type": "string", "maxLength": 5}},
            "required": ["na/me~"],
            "additionalProperties": False,
        },
    },
}


def broken(inputs: dict[str, Any]) -> tuple[str, str] | None:
    refused = check_inputs(SCHEMA, inputs)
    return None if refused is None else (refused.pointer, refused.rule)


@pytest.mark.parametrize(
    "inputs",
    [
        {"group": "a"},
        {"group": "", "days": 90, "kind": "mail", "until": "2026-11-24T09:30:00Z", "owner": None},
        {"group": "a", "owner": {"na/me~": "Ann"}, "members": [{"na/me~": "Bob"}]},
    ],
)
def test_inputs_that_fit_the_schema_are_accepted(inputs: dict[str, Any]) -> None:
    assert broken(inputs) is None


@pytest.mark.parametrize(
    ("inputs", "pointer", "rule"),
    [
        ({}, "/group", "required"),
        ({"group": 5}, "/group", "type"),
        ({"group": "a" * 11}, "/group", "maxLength"),
        ({"group": "a\x00"}, "/group", "pattern"),
        ({"group": "a", "days": 91}, "/days", "maximum"),
        ({"group": "a", "days": True}, "/days", "type"),
        ({"group": "a", "kind": "other"}, "/kind", "enum"),
        ({"group": "a", "until": "yesterday"}, "/until", "format"),
        ({"group": "a", "gruop": 1}, "/gruop", "additionalProperties"),
        ({"group": "a", "owner": {"na/me~": 5}}, "/owner/na~1me~0", "type"),
        ({"group": "a", "owner": 5}, "/owner", "anyOf"),
        ({"group": "a", "members": [{"na/me~": "a"}, {}]}, "/members/1/na~1me~0", "required"),
        ({"group": "a", "members": [1, 2, 3]}, "/members", "maxItems"),
        ({"group": "a\x1b[31m"}, "/group", "visibleText"),
        ({"group": "a", "members": [{"na/me~": "a"}, {"na/me~": "\u202eb"}]}, "/members/1/na~1me~0", "visibleText"),
        ({"group": "a", "days": 2**63}, "", "maximum"),
        ({"group": "a", "extra": [[[[[[[[]]]]]]]]}, "", "maxDepth"),
        ({"group": "a" * 16_384}, "", "maxBytes"),
    ],
)
def test_a_broken_rule_is_named_with_its_pointer(inputs: dict[str, Any], pointer: str, rule: str) -> None:
    assert broken(inputs) == (pointer, rule)


def test_a_refusal_repeats_no_value_and_is_short() -> None:
    refused = check_inputs(SCHEMA, {"group": "my-secret-value"})
    named = check_inputs(SCHEMA, {"group": "a", "x" * 5000: 1})

    assert refused is not None and "my-secret" not in refused.message
    assert named is not None and max(len(named.message), len(named.pointer)) == 300


def declared(schema: dict[str, Any] | None) -> TaskTypeDeclaration:
    return TaskTypeDeclaration(
        name="a.b", title="A", step=1, scope=Scope.TENANT, mode=Mode.SHARED, time_limit_seconds=1.0,
        inputs_schema=schema,
    )  # fmt: skip


def chain(length: int, copies: int) -> dict[str, Any]:
    """Definitions of which each refers to the next one several times."""
    links = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * copies} for n in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": {**links, f"d{length}": {"type": "string"}}}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


HOSTILE = [
    ({"$ref": "http://127.0.0.1:9/schema"}, "refers to something other"),
    ({"$ref": "file:///etc/passwd"}, "refers to something other"),
    ({"$ref": "#/$defs/missing"}, "refers to something other"),
    ({"$ref": 5}, "refers to something other"),
    ({"$ref": "#"}, "refers to something other"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "contains itself"),
    ({"$dynamicRef": "#a"}, "not supported"),
    ({"$id": "http://127.0.0.1:9/", "type": "object"}, "not supported"),
    ({"$schema": "http://127.0.0.1:9/"}, "not supported"),
    ({"allOf": [{"type": "object"}]}, "not supported"),
    ({"patternProperties": {"(a+)+$": {}}}, "not supported"),
    ({"items": {"$defs": {}}}, "definitions"),
    (chain(30, 2), "more than 1000 parts"),
    (chain(110, 1), "deeper than 100 levels"),
    (nested(30), "deeper than 24 levels"),
    ({"description": "a" * 16_384}, "larger than 16384 bytes"),
]


@pytest.mark.parametrize(("schema", "reason"), HOSTILE)
def test_a_hostile_schema_is_not_usable(schema: dict[str, Any], reason: str) -> None:
    defect = schema_defect(schema)

    assert defect is not None and reason in defect
    assert usable({"a.b": declared(schema)}) == []


@pytest.mark.parametrize("schema", [{"type": "nope"}, {"type": "string", "pattern": "("}, {"required": 5}])
def test_what_is_no_schema_is_not_usable(schema: dict[str, Any]) -> None:
    assert usable({"a.b": declared(schema)}) == []


def test_a_pattern_with_a_large_automaton_is_not_usable() -> None:
    assert usable({"a.b": declared({"type": "string", "pattern": "(((a{1,100}){1,100}){1,100}){1,100}"})}) == []


def test_a_usable_schema_and_none_stay_in_the_catalogue() -> None:
    declarations = {"with": declared(SCHEMA), "without": declared(None)}

    assert usable(declarations) == list(declarations.values())


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a+)+(?!b)$", r"^(a|aa)+(?=c)\1$", "^(.*a){20}(?!x)$"])
def test_a_pattern_that_backtracks_ends_in_time(pattern: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}}
    began = time.monotonic()
    refused = check_inputs(schema, {"a": "a" * 5000 + "!"})

    assert refused is not None and refused.pointer == "/a"
    assert time.monotonic() - began < 1


def test_inputs_are_refused_where_the_task_takes_none() -> None:
    kind = Declared("a.b", None, supports_dry_run=False)

    assert refuse_inputs(kind, {}, dry_run=False, check=check_inputs) == InputsNotAccepted("a.b")
    assert refuse_inputs(kind, None, dry_run=False, check=check_inputs) is None


def test_a_dry_run_is_refused_where_it_is_not_supported() -> None:
    assert refuse_inputs(
        Declared("a.b", None, supports_dry_run=False), None, dry_run=True, check=check_inputs
    ) == DryRunNotSupported("a.b")
    assert refuse_inputs(Declared("a.b", None, supports_dry_run=True), None, dry_run=True, check=check_inputs) is None


def test_a_start_without_inputs_has_to_fit_too() -> None:
    refused = refuse_inputs(Declared("a.b", SCHEMA, False), None, dry_run=False, check=check_inputs)

    assert isinstance(refused, InputsInvalid) and refused.pointer == "/group"


def active(arguments: Arguments, state: RunState = RunState.RUNNING) -> ActiveRun:
    return ActiveRun("a", "tenant", Mode.SHARED, state, 1, None, arguments)


GIVEN = Arguments(canonical({"group": "x", "days": 1}))


@pytest.mark.parametrize(
    ("running", "wanted", "reused"),
    [
        (GIVEN, Arguments(canonical({"days": 1, "group": "x"})), True),
        (NO_ARGUMENTS, Arguments(canonical({})), True),
        (GIVEN, NO_ARGUMENTS, False),
        (NO_ARGUMENTS, GIVEN, False),
        (GIVEN, Arguments(canonical({"group": "x", "days": True})), False),
        (GIVEN, Arguments(GIVEN.inputs, dry_run=True), False),
        (Arguments(dry_run=True), NO_ARGUMENTS, False),
        (Arguments(dry_run=True), Arguments(dry_run=True), True),
    ],
)
def test_only_a_run_with_the_same_arguments_is_reused(running: Arguments, wanted: Arguments, reused: bool) -> None:
    run = active(running)

    assert decide("a", Mode.SHARED, "tenant", [run], wanted) == (Reused(run) if reused else Blocked(run))


def test_a_new_run_keeps_its_arguments() -> None:
    decision = decide("a", Mode.SHARED, "tenant", [], GIVEN)

    assert isinstance(decision, Created) and decision.run.arguments == GIVEN


def test_a_cancelling_run_with_the_same_arguments_still_blocks() -> None:
    run = active(GIVEN, RunState.CANCELLING)

    assert decide("a", Mode.SHARED, "tenant", [run], GIVEN) == Blocked(run)


def test_canonical_inputs_do_not_depend_on_their_order() -> None:
    assert canonical({"b": 1, "a": {"d": 1, "c": "ü"}}) == '{"a": {"c": "ü", "d": 1}, "b": 1}'
    assert json.loads(canonical(None)) == {}
