"""Admission of a StartTask that the runner has not stored yet."""

from dataclasses import dataclass

from onboarding_shared.contracts.session_api import StartTask
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import Mode, Scope
from task_runner.domain.reasons import PROVIDER_CONNECTION_MISSING, TASK_TYPE_UNKNOWN

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


def admit(command: StartTask, declaration: TaskTypeDeclaration | None) -> Admitted | AdmissionRefused:
    """Decide a command; ``declaration`` is that of its task type, None if no installed package declares it."""
    if declaration is None:
        return AdmissionRefused(
            reason_code=TASK_TYPE_UNKNOWN,
            message=f"No installed task package declares the task type {command.task_type}.",
        )
    if declaration.scope is Scope.CONNECTION and command.connection is None:
        return AdmissionRefused(
            reason_code=PROVIDER_CONNECTION_MISSING, message="The tenant has no usable provider connection."
        )
    connection = command.connection
    return Admitted(
        scope_key=connection.id if connection and declaration.scope is Scope.CONNECTION else TENANT_SCOPE,
        mode=declaration.mode,
        time_limit=declaration.time_limit_seconds,
        max_attempts=declaration.max_attempts,
    )
