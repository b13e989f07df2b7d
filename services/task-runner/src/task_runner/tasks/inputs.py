"""The inputs that a task declares: a struct of bounded fields, and its JSON Schema."""

from collections.abc import Mapping
from typing import Any

import msgspec

from onboarding_shared.contracts.inputs import MAX_INPUTS_BYTES, schema_defect, subschemas
from onboarding_shared.contracts.portable_patterns import with_portable_patterns
from onboarding_shared.telemetry.redaction import names_a_secret
from task_runner.domain.admission import InputsType, inputs_misfit
from task_runner.domain.reasons import INPUTS_INVALID
from task_runner.tasks.result import TaskFault

_BOUNDS = {"string": "maxLength", "array": "maxItems"}
_VALUES = ("enum", "const", "format")


class UnusableInputs(ValueError):
    """The inputs of a task cannot be declared so."""


def schema_of(inputs: InputsType | None) -> dict[str, Any] | None:
    """The JSON Schema of declared inputs. Raises ``UnusableInputs`` that names what is wrong with them."""
    if inputs is None:
        return None
    if not (isinstance(inputs, type) and issubclass(inputs, msgspec.Struct)):
        raise UnusableInputs("inputs is a class derived from msgspec.Struct")
    try:
        schema: dict[str, Any] = with_portable_patterns(msgspec.json.schema(inputs))
    except (TypeError, ValueError, LookupError, RecursionError) as error:
        raise UnusableInputs(f"the inputs have no JSON Schema: {error}") from error
    _check_structs(schema, inputs)
    for part in subschemas(schema):
        _check_names(part)
        _check_bounds(part)
    defect = schema_defect(schema)
    if defect is not None:
        raise UnusableInputs(f"the JSON Schema of the inputs cannot be used: {defect}")
    return schema


def inputs_of(given: Mapping[str, Any] | None, declared: InputsType | None) -> msgspec.Struct | None:
    """The inputs of a run as the declared struct, None where none is declared.

    Raises ``TaskFault`` if they do not fit: the task may have changed since the run was admitted.
    """
    if declared is None:
        return None
    misfit = inputs_misfit(given, declared)
    if misfit is not None:
        raise TaskFault(INPUTS_INVALID, misfit)
    return msgspec.json.decode(msgspec.json.encode(given or {}), type=declared)


def _check_structs(schema: Mapping[str, Any], inputs: InputsType) -> None:
    if not inputs.__struct_config__.frozen:
        raise UnusableInputs(f"declare {inputs.__name__} with frozen=True")
    for part in subschemas(schema):
        if "properties" in part and part.get("additionalProperties") is not False:
            raise UnusableInputs(f"declare {part.get('title', inputs.__name__)} with forbid_unknown_fields=True")


def _check_names(part: Mapping[str, Any]) -> None:
    for name in part.get("properties", ()):
        if names_a_secret(name):
            raise UnusableInputs(f"the input {name!r} has the name of a secret; inputs are stored and shown")


def _check_bounds(part: Mapping[str, Any]) -> None:
    for name, field in part.get("properties", {}).items():
        for inner in subschemas(field):
            unbounded = _unbounded(inner)
            if unbounded is not None:
                raise UnusableInputs(f"the input {name!r} needs a bound: {unbounded} (at most {MAX_INPUTS_BYTES})")


def _unbounded(part: Mapping[str, Any]) -> str | None:
    """The keyword that the schema of one value lacks."""
    if any(keyword in part for keyword in _VALUES):
        return None
    kind = part.get("type")
    if kind == "object" and "properties" not in part:
        return None if "maxProperties" in part else "max_length"
    bound = _BOUNDS.get(str(kind))
    return None if bound is None or bound in part else "max_length"
