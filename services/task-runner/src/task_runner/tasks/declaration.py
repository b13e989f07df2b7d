"""Declarations of tasks. A task is an async function with a declaration, which ``@task`` adds and validates."""

import inspect
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import Mode, Scope
from task_runner.domain.admission import InputsType
from task_runner.tasks.context import TaskContext
from task_runner.tasks.inputs import inputs_of, schema_of
from task_runner.tasks.provenance import with_provenance
from task_runner.tasks.result import CannotTell, Result, TaskFault, Wait
from task_runner.tasks.retry import Retry

TaskFunction = Callable[[TaskContext], Awaitable[Result]]

DEFAULT_TIME_LIMIT = 60.0
DEFAULT_RETRY = Retry()
DEFAULT_FRESH_FOR = 7 * 86_400.0
DEFAULT_WAIT_LIMIT = 30 * 86_400.0
LONGEST_TIME_LIMIT = 3600.0


class DeclarationError(ValueError):
    """An invalid declaration. The text names the task and the correction."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A declared task. Workers and tests await ``task(context)``."""

    declaration: TaskTypeDeclaration
    retry: Retry
    function: TaskFunction
    inputs: InputsType | None = None

    @property
    def name(self) -> str:
        """The task type, for example ``license.inventory``."""
        return self.declaration.name

    @property
    def scope(self) -> Scope:
        """The scope of its runs: the tenant, or one provider connection."""
        return self.declaration.scope

    @property
    def mode(self) -> Mode:
        """``shared`` if the task only reads, ``exclusive`` if it changes the provider's data."""
        return self.declaration.mode

    @property
    def time_limit(self) -> float:
        """Maximum duration of one attempt, in seconds."""
        return self.declaration.time_limit_seconds

    def inputs_of(self, given: Mapping[str, Any] | None) -> msgspec.Struct | None:
        """The inputs of a run as ``context.inputs``. Raises ``TaskFault`` if they do not fit."""
        return inputs_of(given, self.inputs)

    async def __call__(self, context: TaskContext) -> Result:
        """Run one attempt and return its result, with provenance in the payload.

        Raise ``TaskFault`` and ``Wait`` of the task, with provenance in their payloads. Any other exception is a defect
        of the task.
        """
        if self.scope is Scope.CONNECTION and context.connection is None:
            raise TaskFault("PROVIDER_CONNECTION_MISSING", "The tenant has no usable provider connection.")
        try:
            result = await self.function(context)
        except CannotTell as failure:
            result = Result.unknown(failure.reason_code, failure.message, failure.payload)
        except (TaskFault, Wait) as unfinished:
            unfinished.payload = with_provenance(unfinished.payload, self.declaration, context)
            raise
        if not isinstance(result, Result):
            raise DeclarationError(f"Task {self.name!r} returned {type(result).__name__}; it must return a Result")
        return msgspec.structs.replace(result, payload=with_provenance(result.payload, self.declaration, context))


def task(
    name: str,
    *,
    step: int,
    title: str,
    scope: str = Scope.CONNECTION,
    mode: str = Mode.SHARED,
    required: bool = True,
    time_limit: float = DEFAULT_TIME_LIMIT,
    fresh_for: float = DEFAULT_FRESH_FOR,
    wait_limit: float = DEFAULT_WAIT_LIMIT,
    retry: Retry = DEFAULT_RETRY,
    permissions: Sequence[str] = (),
    licence: str | None = None,
    description: str = "",
    version: str = "",
    inputs: InputsType | None = None,
    inputs_from: Mapping[str, str] = MappingProxyType({}),
    dry_run: bool = False,
) -> Callable[[TaskFunction], Task]:
    """Declare the decorated async function as a task.

    ``name`` is the task type (``area.what``, lower case), ``step`` the wizard step (1..5) that a ``required`` task
    gates, ``permissions`` the provider permissions it needs, ``licence`` the edition of Microsoft Entra ID (``P1``,
    ``P2``) without which it cannot answer, ``version`` that of the rules (the distribution's own when empty). In
    seconds: ``time_limit`` for one attempt (up to an hour), ``fresh_for`` how long its evidence counts, ``wait_limit``
    how long a run may ``Wait``, counted from its start. ``inputs``: a frozen struct of bounded fields; ``inputs_from``:
    input → task type that may offer it. With ``dry_run`` it can run without a change. Raises ``DeclarationError``.
    """

    def declare(function: TaskFunction) -> Task:
        _check_function(name, function)
        fields = {
            "name": name,
            "title": title,
            "description": description or inspect.getdoc(function) or "",
            "step": step,
            "scope": scope,
            "mode": mode,
            "required": required,
            "permissions": _permissions(name, permissions),
            "licence": licence,
            "max_attempts": retry.attempts,
            **_times(name, time_limit, fresh_for, wait_limit),
            "version": version,
            **_arguments(name, inputs, inputs_from, dry_run=dry_run),
        }
        return Task(declaration=_declaration(name, fields), retry=retry, function=function, inputs=inputs)

    return declare


def _times(name: str, time_limit: float, fresh_for: float, wait_limit: float) -> dict[str, float]:
    if not 0 < time_limit <= LONGEST_TIME_LIMIT:
        raise DeclarationError(
            f"Task {name!r}: time_limit must be greater than 0 and at most {LONGEST_TIME_LIMIT:.0f} s"
        )
    if not (0 < fresh_for < math.inf and 0 < wait_limit < math.inf):
        raise DeclarationError(f"Task {name!r}: fresh_for and wait_limit must be greater than 0 and finite")
    return {
        "time_limit_seconds": float(time_limit),
        "fresh_seconds": float(fresh_for),
        "wait_limit_seconds": float(wait_limit),
    }


def _permissions(name: str, permissions: Sequence[str]) -> list[str]:
    if isinstance(permissions, str):
        raise DeclarationError(f"Task {name!r}: permissions must be a sequence of names, not a single string")
    return list(permissions)


def _arguments(name: str, inputs: InputsType | None, sources: Mapping[str, str], *, dry_run: bool) -> dict[str, Any]:
    try:
        schema = schema_of(inputs)
    except ValueError as error:
        raise DeclarationError(f"Task {name!r}: {error}") from error
    fields = () if inputs is None else msgspec.structs.fields(inputs)
    if unknown := sorted(sources.keys() - {field.name for field in fields if not field.required}):
        raise DeclarationError(f"Task {name!r}: inputs_from names {unknown[0]!r}, which is no input with a default")
    return {"inputs_schema": schema, "inputs_from": dict(sources), "supports_dry_run": dry_run}


def _declaration(name: str, fields: dict[str, Any]) -> TaskTypeDeclaration:
    try:
        return msgspec.convert(fields, TaskTypeDeclaration)
    except msgspec.ValidationError as error:
        raise DeclarationError(f"Task {name!r}: {error}") from error


def _check_function(name: str, function: TaskFunction) -> None:
    if not inspect.iscoroutinefunction(function):
        raise DeclarationError(f"Task {name!r}: use `async def`; a blocking function would block all other tasks")
    if len(inspect.signature(function).parameters) != 1:
        raise DeclarationError(f"Task {name!r}: the function must have exactly one parameter, the TaskContext")
