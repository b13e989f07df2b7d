"""The catalogue for every tenant: the task types, and the reason codes that runs end with."""

from litestar import Controller, get

from onboarding_shared.contracts.reason_codes import REASONS, Reason
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.postgres.database import Database
from session_api.routes.session_bodies import TaskType
from session_api.store.task_types import list_task_types


class CatalogueRoutes(Controller):
    """The operations on what belongs to no tenant; every caller with a token may read it."""

    path = "/onboarding"
    tags = ("catalogue",)

    database: Database

    @get(
        "/task-types",
        summary="List the task types that runners have announced",
        operation_id="listTaskTypes",
    )
    async def list_announced_task_types(self) -> list[TaskType]:
        """Each task type as its author declared it: its step, its limits, and the permissions it needs."""
        return [_task_type(declared) for declared in await self.database.run_single(list_task_types)]

    @get(
        "/reason-codes",
        summary="List the reason codes, what they mean and what to do",
        operation_id="listReasonCodes",
    )
    async def list_reason_codes(self) -> list[Reason]:
        """The catalogue of reason codes, for programs that branch on a code and for people who read one."""
        return list(REASONS.values())


def _task_type(declared: TaskTypeDeclaration) -> TaskType:
    return TaskType(
        name=declared.name,
        title=declared.title,
        description=declared.description,
        step=declared.step,
        scope=declared.scope,
        mode=declared.mode,
        required=declared.required,
        permissions=declared.permissions,
        licence=declared.licence,
        time_limit_seconds=declared.time_limit_seconds,
        max_attempts=declared.max_attempts,
        fresh_seconds=declared.fresh_seconds,
        wait_limit_seconds=declared.wait_limit_seconds,
        distribution=declared.distribution,
        version=declared.version,
        inputs_schema=declared.inputs_schema,
        supports_dry_run=declared.supports_dry_run,
    )
