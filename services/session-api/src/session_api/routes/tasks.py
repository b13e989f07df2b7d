"""The tasks of a tenant and the latest result of each."""

from litestar import Controller, get

from onboarding_shared.contracts.reason_codes import remediation_of
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Permissions, requires
from onboarding_shared.web.operations import TenantId
from session_api.routes.session_bodies import OnboardingTaskSummary
from session_api.store.task_types import TaskSummary, summarize_current_tasks


class TaskRoutes(Controller):
    """The operation under ``/tasks``."""

    path = "/tenants/{tenant_id:int}/onboarding/tasks"
    tags = ("tasks",)

    database: Database

    @get(
        guards=[requires(Permissions.READ)],
        summary="List onboarding tasks and latest status",
        operation_id="listTasks",
    )
    async def list_tasks(self, tenant_id: TenantId) -> list[OnboardingTaskSummary]:
        """Each task type with the result of its latest finished run; unknown when it is out of date."""
        found = await self.database.run_single(lambda tx: summarize_current_tasks(tx, tenant_id))
        return [summary_body(one) for one in found]


def summary_body(one: TaskSummary) -> OnboardingTaskSummary:
    """A task's standing as it goes over the wire."""
    return OnboardingTaskSummary(
        task_type=one.readiness.task_type,
        status=one.readiness.status,
        reason_code=one.reason_code,
        message=one.message,
        last_run_id=one.last_run_id,
        remediation=remediation_of(one.reason_code),
        expires_at=one.expires_at,
        provider_connection_id=one.connection_id,
    )
