"""What there is for every tenant: the task types, and the reason codes that runs end with."""

from litestar import get
from litestar.handlers import HTTPRouteHandler

from onboarding_shared.contracts.reason_codes import REASONS, Reason
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.postgres.database import Database
from session_api.routes.session_bodies import TaskType
from session_api.store.task_types import list_task_types


def catalogue_routes(database: Database) -> list[HTTPRouteHandler]:
    """The handlers of what belongs to no tenant; every caller with a token may read it."""

    @get("/onboarding/task-types", summary="List the task types that runners have announced")
    async def list_types() -> list[TaskType]:
        return [_task_type(one) for one in await database.run_single(list_task_types)]

    @get("/onboarding/reason-codes", summary="List the reason codes, what they mean and what to do")
    async def list_reasons() -> list[Reason]:
        return list(REASONS.values())

    return [list_types, list_reasons]


def _task_type(one: TaskTypeDeclaration) -> TaskType:
    return TaskType(
        name=one.name,
        title=one.title,
        description=one.description,
        step=one.step,
        scope=one.scope,
        mode=one.mode,
        required=one.required,
        permissions=one.permissions,
        licence=one.licence,
        time_limit_seconds=one.time_limit_seconds,
        max_attempts=one.max_attempts,
        fresh_seconds=one.fresh_seconds,
        wait_limit_seconds=one.wait_limit_seconds,
        distribution=one.distribution,
        version=one.version,
    )
