"""Inputs of a task: what may be declared, and what the declaration says."""

import enum
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct

from task_runner.tasks import DeclarationError, Result, Task, TaskContext, TaskFault, task

Text = Annotated[str, Meta(max_length=50)]
Moment = Annotated[datetime, Meta(tz=True)]


class Member(Struct, frozen=True, forbid_unknown_fields=True):
    name: Text


class WithDefault(Struct, frozen=True, forbid_unknown_fields=True):
    days: int = 7


class Colour(enum.StrEnum):
    RED = "red"


class GroupInputs(Struct, frozen=True, forbid_unknown_fields=True):
    """The group to create."""

    group: Text
    days: Annotated[int, Meta(ge=1, le=90)] = 30
    colour: Colour = Colour.RED
    kind: Literal["security", "mail"] = "security"
    until: Moment | None = None
    members: Annotated[tuple[Member, ...], Meta(max_length=10)] = ()


async def fine(context: TaskContext) -> Result:
    """Says that all is fine."""
    return Result.ok("ALL_FINE")


def declared(inputs: Any, **more: Any) -> Task:
    return task("area.what", step=1, title="A title", scope="tenant", inputs=inputs, **more)(fine)


def struct(name: str, kind: Any, **config: Any) -> type[Struct]:
    options = {"frozen": True, "forbid_unknown_fields": True, **config}
    return msgspec.defstruct(f"With_{name}", [(name, kind)], **options)


def test_a_declaration_publishes_the_schema_of_its_inputs() -> None:
    assert declared(Member).declaration.inputs_schema == {
        "$ref": "#/$defs/Member",
        "$defs": {
            "Member": {
                "title": "Member",
                "type": "object",
                "properties": {"name": {"type": "string", "maxLength": 50}},
                "required": ["name"],
                "additionalProperties": False,
            }
        },
    }


def test_bounded_fields_of_every_kind_can_be_declared() -> None:
    schema = declared(GroupInputs).declaration.inputs_schema

    assert schema is not None
    assert schema["$defs"]["GroupInputs"]["required"] == ["group"]


def test_a_task_without_inputs_declares_no_schema() -> None:
    assert (declared(None).declaration.inputs_schema, declared(None).declaration.supports_dry_run) == (None, False)


def test_a_task_declares_that_it_runs_dry() -> None:
    assert declared(None, dry_run=True).declaration.supports_dry_run is True


def test_a_task_declares_where_inputs_come_from() -> None:
    assert declared(WithDefault, inputs_from={"days": "area.other"}).declaration.inputs_from == {"days": "area.other"}
    assert declared(Member).declaration.inputs_from == {}


@pytest.mark.parametrize(
    ("inputs", "inputs_from", "named"),
    [
        (None, {"name": "area.other"}, "'name'"),
        (Member, {"name": "area.other"}, "'name'"),
        (WithDefault, {"unknown": "area.other"}, "'unknown'"),
        (WithDefault, {"days": "No Task"}, "inputs_from"),
    ],
)
def test_only_inputs_with_a_default_come_from_a_task(inputs: Any, inputs_from: dict[str, str], named: str) -> None:
    with pytest.raises(DeclarationError, match=named):
        declared(inputs, inputs_from=inputs_from)


@pytest.mark.parametrize("name", ["password", "clientSecret", "access_token", "api_key", "secrets", "Credential"])
def test_an_input_named_like_a_secret_is_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match=name):
        declared(struct(name, Text))


def test_a_secret_inside_a_nested_struct_is_refused() -> None:
    with pytest.raises(DeclarationError, match="password"):
        declared(struct("inner", struct("password", Text)))


@pytest.mark.parametrize(
    "kind", [str, list[int], dict[str, int], str | None, Annotated[tuple[str, ...], Meta(max_length=3)], datetime]
)
def test_an_input_without_a_bound_is_refused(kind: Any) -> None:
    with pytest.raises(DeclarationError, match="'field' needs a bound"):
        declared(struct("field", kind))


@pytest.mark.parametrize(
    ("inputs", "named"),
    [
        (struct("a", int, frozen=False), "frozen"),
        (struct("a", int, forbid_unknown_fields=False), "forbid_unknown_fields"),
        (struct("a", struct("b", int, forbid_unknown_fields=False)), "forbid_unknown_fields"),
        (dict, "msgspec.Struct"),
        (struct("a", complex), "JSON Schema"),
        (struct("a", Literal[tuple(f"{number:0400}" for number in range(50))]), "larger than 16384 bytes"),
    ],
)
def test_inputs_that_cannot_be_declared_are_refused(inputs: Any, named: str) -> None:
    with pytest.raises(DeclarationError, match=named):
        declared(inputs)


def test_recursive_inputs_are_refused() -> None:
    with pytest.raises(DeclarationError, match="contains itself"):
        declared(Tree)


def test_inputs_become_the_declared_struct() -> None:
    assert declared(GroupInputs).inputs_of({"group": "Helpdesk", "members": [{"name": "Ann"}]}) == GroupInputs(
        group="Helpdesk", members=(Member(name="Ann"),)
    )


def test_no_inputs_are_the_defaults_of_the_struct() -> None:
    assert declared(struct("days", int)).inputs_of({"days": 5}) is not None
    assert declared(WithDefault).inputs_of(None) == WithDefault(days=7)


def test_inputs_that_no_longer_fit_end_the_attempt() -> None:
    with pytest.raises(TaskFault) as caught:
        declared(GroupInputs).inputs_of({"group": 5})

    assert (caught.value.reason_code, caught.value.retryable) == ("INPUTS_INVALID", False)


class Tree(Struct, frozen=True, forbid_unknown_fields=True):
    child: "Tree | None" = None
