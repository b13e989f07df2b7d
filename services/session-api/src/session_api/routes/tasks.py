"""The tasks of a tenant and the latest result of each."""

from collections.abc import Collection, Mapping, Sequence

from litestar import Controller, get

from onboarding_shared.contracts.reason_codes import Reason, remediation_of
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Permissions, requires
from onboarding_shared.web.operations import TenantId
from session_api.domain.catalogue import unusable_task_types
from session_api.domain.freshness import EVIDENCE_STALE, NEVER_RUN
from session_api.routes.active_runs import active_run_body
from session_api.routes.session_bodies import OnboardingTaskSummary, TaskBlock
from session_api.store.task_types import TaskSummary, summarize_tasks
from session_api.use_cases.live_feed import LiveFeed
from session_api.use_cases.reasons import ReasonCodes


class TaskRoutes(Controller):
    """The operation under ``/tasks``."""

    path = "/tenants/{tenant_id:int}/onboarding/tasks"
    tags = ("tasks",)

    database: Database
    reasons: ReasonCodes
    feed: LiveFeed

    @get(
        guards=[requires(Permissions.READ)],
        summary="List onboarding tasks and latest status",
        operation_id="listTasks",
    )
    async def list_tasks(self, tenant_id: TenantId) -> list[OnboardingTaskSummary]:
        """Return each task type with the result of its latest finished run, ``unknown`` if it has expired."""
        summaries = await self.database.run_single(lambda tx: summarize_tasks(tx, tenant_id))
        reasons = await self.reasons.current()
        unusable = unusable_in(summaries, self.feed)
        return [summary_body(summary, reasons, unusable) for summary in summaries]


def unusable_in(summaries: Sequence[TaskSummary], feed: LiveFeed) -> frozenset[str]:
    """Return the names of the task types that runners cannot run at present."""
    stored = {summary.readiness.task_type: summary.distribution for summary in summaries}
    return unusable_task_types(stored, feed.announced)


def summary_body(
    summary: TaskSummary, reasons: Mapping[str, Reason], unusable: Collection[str]
) -> OnboardingTaskSummary:
    """Return the response body of a task summary. What is running need not be started; what waits says what helps."""
    reason_code = summary.reason_code
    if summary.active_run is not None and reason_code in (NEVER_RUN, EVIDENCE_STALE):
        reason_code = summary.active_run.reason_code
    return OnboardingTaskSummary(
        task_type=summary.readiness.task_type,
        status=summary.readiness.status,
        reason_code=summary.reason_code,
        message=summary.message,
        last_run_id=summary.last_run_id,
        remediation=remediation_of(reason_code, reasons),
        expires_at=summary.expires_at,
        provider_connection_id=summary.connection_id,
        step=summary.readiness.step,
        title=summary.title,
        description=summary.description,
        required=summary.readiness.required,
        last_run_at=summary.finished_at,
        active_run=None if summary.active_run is None else active_run_body(summary.active_run),
        blocked_by=_block(summary),
        unusable=summary.readiness.task_type in unusable,
    )


def _block(summary: TaskSummary) -> TaskBlock | None:
    run = summary.blocked_by
    return None if run is None or run.run_id is None else TaskBlock(run_id=run.run_id, task_type=run.task_type)
