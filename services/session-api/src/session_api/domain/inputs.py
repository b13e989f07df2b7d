"""Refusals of a start for its inputs, or for a dry run that the task does not support."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class InputsInvalid:
    """The inputs break ``rule`` of the task type's schema at the JSON pointer ``pointer`` within them."""

    pointer: str
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class InputsNotAccepted:
    """The task type declares no inputs."""

    task_type: str


@dataclass(frozen=True, slots=True)
class DryRunNotSupported:
    """The task type cannot be run without changing anything."""

    task_type: str


InputsRefusal = InputsInvalid | InputsNotAccepted | DryRunNotSupported
InputsCheck = Callable[[Mapping[str, Any], Mapping[str, Any]], InputsInvalid | None]
"""Checks inputs, the second argument, against a JSON Schema."""


@dataclass(frozen=True, slots=True)
class Declared:
    """The fields of a task type that decide which inputs its runs may have."""

    task_type: str
    inputs_schema: Mapping[str, Any] | None
    supports_dry_run: bool


def refuse_inputs(
    declared: Declared, inputs: Mapping[str, Any] | None, *, dry_run: bool, check: InputsCheck
) -> InputsRefusal | None:
    """Return the refusal of a start with these inputs, or None. No inputs are the same as an empty object."""
    if dry_run and not declared.supports_dry_run:
        return DryRunNotSupported(declared.task_type)
    if declared.inputs_schema is None:
        return None if inputs is None else InputsNotAccepted(declared.task_type)
    return check(declared.inputs_schema, inputs or {})
