"""Steps: list their readiness, and start all tasks of a step."""

from collections.abc import Sequence
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.params import JSONBody

from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import TenantId
from session_api.domain.readiness import STEPS, readiness_of_steps, tasks_of_step
from session_api.domain.starting import Start
from session_api.routes.idempotency import IdempotencyKey, answer_once
from session_api.routes.links import Links
from session_api.routes.parameters import Step
from session_api.routes.problems import CODES, start_problem, step_not_found
from session_api.routes.run_bodies import StartedTask, StartStep
from session_api.routes.session_bodies import OnboardingStep
from session_api.routes.starts import checked_connection
from session_api.routes.tasks import summary_body, unusable_in
from session_api.store.task_types import list_task_types, summarize_tasks
from session_api.use_cases.live_feed import LiveFeed
from session_api.use_cases.reasons import ReasonCodes
from session_api.use_cases.starts import Accepted, BlockedBy, StartAnswer, Starts


class StepRoutes(Controller):
    """The operations under ``/steps``."""

    path = "/tenants/{tenant_id:int}/onboarding/steps"
    tags = ("tasks",)

    starts: Starts
    database: Database
    reasons: ReasonCodes
    feed: LiveFeed
    links: Links

    @get(
        guards=[requires(Permissions.READ)],
        summary="List the steps and their open required tasks",
        operation_id="listSteps",
    )
    async def list_steps(self, tenant_id: TenantId) -> list[OnboardingStep]:
        """Return for each step the number of tasks by status, and the required tasks that are not ok or warn."""
        summaries = await self.database.run_single(lambda tx: summarize_tasks(tx, tenant_id))
        reasons = await self.reasons.current()
        unusable = unusable_in(summaries, self.feed)
        bodies = {summary.readiness.task_type: summary_body(summary, reasons, unusable) for summary in summaries}
        return [
            OnboardingStep(
                step=readiness.step,
                counts=dict(readiness.counts),
                can_be_left=not readiness.open,
                missing=[bodies[task.task_type] for task in readiness.open],
            )
            for readiness in readiness_of_steps([summary.readiness for summary in summaries])
        ]

    @post(
        "/{step:int}/runs",
        status_code=200,
        guards=[requires(Permissions.RUN)],
        summary="Start the tasks of a step",
        operation_id="startStep",
    )
    async def start_step(
        self,
        request: Request[Caller, Any, Any],
        tenant_id: TenantId,
        step: Step,
        data: JSONBody[StartStep | None] = None,
        key: IdempotencyKey = None,
    ) -> Response[list[StartedTask]]:
        """Start each required task of the step, and return the outcome of each start."""
        if step not in STEPS:
            raise step_not_found()
        wanted = data or StartStep()
        connection_id = checked_connection(wanted.provider_connection_id)
        task_types = await self.database.run_single(list_task_types)
        names = tasks_of_step(task_types, step, include_optional=wanted.include_optional)
        user_id, trace = request.user.user_id, current_traceparent()
        starts = [Start(tenant_id, name, connection_id, user_id, trace) for name in names]
        if not starts:
            return Response([])

        def respond(answers: Sequence[StartAnswer]) -> Response[list[StartedTask]]:
            started = zip(names, answers, strict=True)
            return Response([_started(name, answer, tenant_id, self.links) for name, answer in started])

        return await answer_once(request, key, lambda once: self.starts.start_all(starts, once), respond)


def _started(task_type: str, answer: StartAnswer, tenant_id: int, links: Links) -> StartedTask:
    if isinstance(answer, Accepted):
        outcome = "started" if answer.created else "reused"
        url = links.run(tenant_id, answer.run_id)
        return StartedTask(task_type=task_type, outcome=outcome, run_id=answer.run_id, url=url)
    problem = start_problem(answer, tenant_id, links)
    return StartedTask(
        task_type=task_type,
        outcome="blocked" if isinstance(answer, BlockedBy) else "refused",
        code=problem.code,
        message=problem.message,
        next=CODES[problem.code],
        blocking_run=problem.extra.get("blocking_run"),
    )
