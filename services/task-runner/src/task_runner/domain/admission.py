"""Admission of a StartTask that the runner has not stored yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from onboarding_shared.contracts.inputs import inputs_defect
from onboarding_shared.contracts.session_api import StartTask
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import Mode, Scope
from task_runner.domain.reasons import (
    DRY_RUN_NOT_SUPPORTED,
    INPUTS_INVALID,
    PROVIDER_CONNECTION_MISSING,
    TASK_TYPE_UNKNOWN,
)

InputsType = type[msgspec.Struct]

TENANT_SCOPE = 0
"""The scope key of runs on a whole tenant. It overlaps with every provider connection of the tenant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The run is queued with the current limits of its task type; ``time_limit`` is in seconds."""

    scope_key: int
    mode: Mode
    time_limit: float
    max_attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRefused:
    """The run ends without an attempt: ``failed``, status ``unknown``."""

    reason_code: str
    message: str


def admit(
    command: StartTask, declaration: TaskTypeDeclaration | None, inputs: InputsType | None = None
) -> Admitted | AdmissionRefused:
    """``declaration`` is that of the command's task type, None when no installed package declares it.

    ``inputs`` is the struct that the task declares for its inputs, None if it takes none.
    """
    if declaration is None:
        return AdmissionRefused(
            reason_code=TASK_TYPE_UNKNOWN,
            message=f"No installed task package declares the task type {command.task_type}.",
        )
    if declaration.scope is Scope.CONNECTION and command.connection is None:
        return AdmissionRefused(
            reason_code=PROVIDER_CONNECTION_MISSING, message="The tenant has no usable provider connection."
        )
    misfit = inputs_misfit(command.inputs, inputs)
    if misfit is not None:
        return AdmissionRefused(reason_code=INPUTS_INVALID, message=misfit)
    if command.dry_run and not declaration.supports_dry_run:
        return AdmissionRefused(
            reason_code=DRY_RUN_NOT_SUPPORTED, message=f"The task {command.task_type} cannot be run dry."
        )
    connection = command.connection
    return Admitted(
        scope_key=connection.id if connection and declaration.scope is Scope.CONNECTION else TENANT_SCOPE,
        mode=declaration.mode,
        time_limit=declaration.time_limit_seconds,
        max_attempts=declaration.max_attempts,
    )


def inputs_misfit(given: Mapping[str, Any] | None, declared: InputsType | None) -> str | None:
    """Return the mismatch of inputs and the declared struct, or None. No inputs are the same as an empty object."""
    if declared is None:
        return None if given is None else "The task takes no inputs."
    defect = inputs_defect(given or {})
    if defect is not None:
        return f"{defect.message}."
    try:
        msgspec.json.decode(msgspec.json.encode(given or {}), type=declared)
    except msgspec.ValidationError as error:
        return f"The inputs do not fit the task: {error}."[:4000]
    return None
