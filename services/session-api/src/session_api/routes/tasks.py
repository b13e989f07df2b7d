"""How a tenant stands with each task."""

from litestar import get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from onboarding_shared.contracts.reason_codes import remediation_of
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Permissions, requires
from session_api.routes.session_bodies import OnboardingTaskSummary
from session_api.store.task_types import TaskSummary, summarize_tasks


def task_routes(database: Database) -> list[HTTPRouteHandler]:
    """The handler of ``/tasks``."""

    @get(
        "/tenants/{tenant_id:int}/onboarding/tasks",
        guards=[requires(Permissions.READ)],
        summary="List onboarding tasks and latest status",
    )
    async def list_tasks(tenant_id: FromPath[int]) -> list[OnboardingTaskSummary]:
        found = await database.run_single(lambda tx: summarize_tasks(tx, tenant_id))
        return [summary_body(one) for one in found]

    return [list_tasks]


def summary_body(one: TaskSummary) -> OnboardingTaskSummary:
    """A task's standing as it goes over the wire."""
    return OnboardingTaskSummary(
        task_type=one.standing.task_type,
        status=one.standing.status,
        reason_code=one.reason_code,
        message=one.message,
        last_run_id=one.last_run_id,
        remediation=remediation_of(one.reason_code),
        expires_at=one.expires_at,
    )
