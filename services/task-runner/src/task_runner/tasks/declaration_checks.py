"""The rules of a declaration of a task: each function yields what is wrong, in words for the task's author."""

import inspect
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

import msgspec

from onboarding_shared.contracts.reason_codes import REASONS
from onboarding_shared.contracts.task_runner import DeclaredReason, TaskTypeDeclaration
from task_runner.domain.admission import InputsType

LONGEST_TIME_LIMIT = 3600.0
_FIELDS = {field.name: field.type for field in msgspec.structs.fields(TaskTypeDeclaration)}


def function_problems(function: Callable[..., Any]) -> Iterator[str]:
    """The function is asynchronous and takes the context."""
    if not inspect.iscoroutinefunction(function):
        yield "use `async def`; a blocking function would block all other tasks"
    elif len(inspect.signature(function).parameters) != 1:
        yield "the function must have exactly one parameter, the TaskContext"


def time_problems(*, time_limit: object, fresh_for: object, wait_limit: object) -> Iterator[str]:
    """The limits are in seconds and in their ranges."""
    if not _is_seconds(time_limit) or time_limit > LONGEST_TIME_LIMIT:
        yield f"time_limit must be greater than 0 and at most {LONGEST_TIME_LIMIT:.0f} s"
    if not (_is_seconds(fresh_for) and _is_seconds(wait_limit)):
        yield "fresh_for and wait_limit must be greater than 0 and finite"


def field_problems(fields: Mapping[str, Any]) -> Iterator[str]:
    """Each value fits its field of ``TaskTypeDeclaration``."""
    for name, value in fields.items():
        if name == "permissions" and isinstance(value, str):
            yield "permissions must be a sequence of names, not a single string"
            continue
        try:
            msgspec.convert(value, _FIELDS[name])
        except msgspec.ValidationError as error:
            yield f"{name}: {error}"


def source_problems(inputs: InputsType | None, sources: Mapping[str, str]) -> Iterator[str]:
    """Only inputs with a default may be offered by another task."""
    declared = inputs if isinstance(inputs, type) and issubclass(inputs, msgspec.Struct) else msgspec.Struct
    with_default = {field.name for field in msgspec.structs.fields(declared) if not field.required}
    for source in sorted(sources.keys() - with_default):
        yield f"inputs_from names {source!r}, which is no input with a default"


def reason_problems(reasons: Sequence[object]) -> Iterator[str]:
    """A reason code is not the product's, and has one meaning."""
    meanings: dict[str, DeclaredReason] = {}
    for reason in reasons:
        if not isinstance(reason, DeclaredReason):
            yield f"reasons must be a sequence of Reason, not of {type(reason).__name__}"
        elif reason.code in REASONS:
            yield f"reasons: {reason.code} is a reason code of the product: use it without declaring it, or another one"
        elif meanings.setdefault(reason.code, reason) != reason:
            yield f"reasons: {reason.code} is declared twice with different words"


def _is_seconds(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and 0 < value < math.inf
