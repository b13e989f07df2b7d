"""Declarations of tasks. A task is an async function with a declaration, which ``@task`` adds and validates."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from onboarding_shared.contracts.task_runner import DeclaredReason, TaskTypeDeclaration
from onboarding_shared.contracts.types import Mode, Scope
from onboarding_shared.telemetry.known_secrets import hide_known
from task_runner.domain.admission import InputsType
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration_checks import (
    field_problems,
    function_problems,
    reason_problems,
    source_problems,
    time_problems,
)
from task_runner.tasks.declaration_errors import DeclarationError, refuse
from task_runner.tasks.inputs import inputs_of, schema_of
from task_runner.tasks.provenance import with_provenance
from task_runner.tasks.result import CannotTell, Result, TaskFault, Wait
from task_runner.tasks.retry import Retry
from task_runner.tasks.settings import SettingsType, settings_problems

TaskFunction = Callable[[TaskContext], Awaitable[Result]]

DEFAULT_TIME_LIMIT = 60.0
DEFAULT_RETRY = Retry()
DEFAULT_FRESH_FOR = 7 * 86_400.0
DEFAULT_WAIT_LIMIT = 30 * 86_400.0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A declared task. Workers and tests await ``task(context)``."""

    declaration: TaskTypeDeclaration
    retry: Retry
    function: TaskFunction
    inputs: InputsType | None = None
    settings: SettingsType | None = None
    configured: msgspec.Struct | None = None
    """The settings as the operator gave them; None before they are read."""

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
            unfinished.message = hide_known(unfinished.message)
            unfinished.payload = with_provenance(unfinished.payload, self.declaration, context)
            raise
        if not isinstance(result, Result):
            raise DeclarationError(f"Task {self.name!r} returned {type(result).__name__}; it must return a Result")
        return msgspec.structs.replace(
            result,
            message=hide_known(result.message),
            payload=with_provenance(result.payload, self.declaration, context),
        )


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
    reasons: Sequence[DeclaredReason] = (),
    settings: SettingsType | None = None,
) -> Callable[[TaskFunction], Task]:
    """Declare the decorated async function as a task.

    ``name`` is the task type (``area.what``, lower case), ``step`` the wizard step (1..5) that a ``required`` task
    gates, ``permissions`` the provider permissions it needs, ``licence`` the edition of Microsoft Entra ID (``P1``,
    ``P2``) without which it cannot answer, ``version`` that of the rules (the distribution's own when empty). In
    seconds: ``time_limit`` for one attempt (up to an hour), ``fresh_for`` how long its evidence counts, ``wait_limit``
    how long a run may ``Wait``, counted from its start. ``inputs``: a frozen struct of bounded fields; ``inputs_from``:
    input → task type that may offer it. With ``dry_run`` it can run without a change. ``reasons``: the meaning and the
    remediation of reason codes that are not the product's; ``settings``: a frozen struct of what the operator gives as
    variables. Raises ``DeclarationError``.
    """

    def declare(function: TaskFunction) -> Task:
        schema, schema_problems = _schema(inputs)
        own_reasons = tuple(reason for reason in reasons if isinstance(reason, DeclaredReason))
        fields: dict[str, Any] = {
            "name": name,
            "title": title,
            "description": description or inspect.getdoc(function) or "",
            "step": step,
            "scope": scope,
            "mode": mode,
            "required": required,
            "permissions": permissions,
            "licence": licence,
            "max_attempts": retry.attempts,
            "version": version,
            "inputs_schema": schema,
            "inputs_from": dict(inputs_from),
            "supports_dry_run": dry_run,
            "reasons": [msgspec.to_builtins(reason) for reason in own_reasons],
        }
        problems = [
            *function_problems(function),
            *time_problems(time_limit=time_limit, fresh_for=fresh_for, wait_limit=wait_limit),
            *field_problems(fields),
            *schema_problems,
            *source_problems(inputs, inputs_from),
            *reason_problems(reasons),
            *settings_problems(name, settings),
        ]
        fields |= {"time_limit_seconds": time_limit, "fresh_seconds": fresh_for, "wait_limit_seconds": wait_limit}
        if problems:
            refuse(name, problems)
            unchecked = TaskTypeDeclaration(**fields | {"reasons": own_reasons})
            return Task(declaration=unchecked, retry=retry, function=function)
        declaration = msgspec.convert(fields, TaskTypeDeclaration)
        return Task(declaration=declaration, retry=retry, function=function, inputs=inputs, settings=settings)

    return declare


def _schema(inputs: InputsType | None) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    try:
        return schema_of(inputs), ()
    except ValueError as error:
        return None, (str(error),)
