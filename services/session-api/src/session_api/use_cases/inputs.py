"""Checks inputs against the JSON Schema of a task type, within bounds whatever schema a message brought."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
import structlog
from jsonschema_rs import Draft202012Validator, FancyRegexOptions, ValidationError, ValidationErrorKind

from onboarding_shared.contracts.inputs import hidden_text, inputs_defect, schema_defect
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from session_api.domain.inputs import InputsInvalid

_LONGEST_MESSAGE = 300
_LONGEST_POINTER = 300
_HIDDEN = "the value contains line breaks, control characters or invisible characters"
_BACKTRACKING = FancyRegexOptions(backtrack_limit=10_000, size_limit=1_000_000, dfa_size_limit=1_000_000)

_log = structlog.get_logger(__name__)
_encoder = msgspec.json.Encoder(order="deterministic")


def check_inputs(schema: Mapping[str, Any], inputs: Mapping[str, Any]) -> InputsInvalid | None:
    """The first rule of the schema that the inputs break, None if they break none. The message repeats no value."""
    defect = inputs_defect(inputs)
    if defect is not None:
        return InputsInvalid("", defect.rule, defect.message)
    error = next(iter(_validator(_encoder.encode(schema)).iter_errors(dict(inputs))), None)
    if error is not None:
        return _refusal(error)
    hidden = hidden_text(inputs)
    return None if hidden is None else InputsInvalid(_pointer(hidden), "visibleText", _HIDDEN)


def usable(declarations: Mapping[str, TaskTypeDeclaration]) -> list[TaskTypeDeclaration]:
    """The declarations without inputs, or with a schema that can be used; the others are logged."""
    return [declaration for declaration in declarations.values() if _usable(declaration)]


def _usable(declaration: TaskTypeDeclaration) -> bool:
    schema = declaration.inputs_schema
    if schema is None:
        return True
    defect = schema_defect(schema)
    if defect is None:
        try:
            _validator(_encoder.encode(schema))
        except (ValidationError, ValueError) as error:
            defect = str(error)[:_LONGEST_MESSAGE]
    if defect is not None:
        _log.error("inputs_schema_unusable", task_type=declaration.name, reason=defect)
    return defect is None


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> Draft202012Validator:
    return Draft202012Validator(
        msgspec.json.decode(schema),
        validate_formats=True,
        mask="the value",
        offline=True,
        pattern_options=_BACKTRACKING,
    )


def _refusal(error: ValidationError) -> InputsInvalid:
    cause = _cause(error)
    return InputsInvalid(_pointer(_path(cause)), cause.kind.name, cause.message[:_LONGEST_MESSAGE])


def _pointer(path: Iterable[str | int]) -> str:
    return "".join(f"/{_escaped(str(part))}" for part in path)[:_LONGEST_POINTER]


def _cause(error: ValidationError) -> ValidationError:
    """The error deepest in the inputs: of a value that may be null or a struct, what is wrong with the struct."""
    if not isinstance(error.kind, ValidationErrorKind.AnyOf):
        return error
    inner = [_cause(other) for branch in error.kind.context for other in branch]
    deepest = max(inner, key=lambda other: len(other.instance_path), default=error)
    return deepest if len(deepest.instance_path) > len(error.instance_path) else error


def _path(error: ValidationError) -> Iterator[str | int]:
    yield from error.instance_path
    match error.kind:
        case ValidationErrorKind.Required(property=name):
            yield str(name)
        case ValidationErrorKind.AdditionalProperties(unexpected=[name, *_]):
            yield name


def _escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")
