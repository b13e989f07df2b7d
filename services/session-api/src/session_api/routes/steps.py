"""Steps: the state of each, and starting all tasks of one."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import TenantId
from session_api.domain.readiness import STEPS, readiness_of_steps, tasks_of_step
from session_api.domain.starting import Start
from session_api.routes.links import Links
from session_api.routes.parameters import Step
from session_api.routes.problems import CODES, start_problem, step_not_found
from session_api.routes.run_bodies import StartedTask, StartStep
from session_api.routes.session_bodies import OnboardingStep
from session_api.routes.starts import checked_connection
from session_api.routes.tasks import summary_body
from session_api.store.task_types import list_task_types, summarize_current_tasks
from session_api.use_cases.starts import Accepted, BlockedBy, StartAnswer, Starts


class StepRoutes(Controller):
    """The operations under ``/steps``."""

    path = "/tenants/{tenant_id:int}/onboarding/steps"
    tags = ("tasks",)

    starts: Starts
    database: Database
    links: Links

    @get(
        guards=[requires(Permissions.READ)],
        summary="List the steps and what each still needs",
        operation_id="listSteps",
    )
    async def list_steps(self, tenant_id: TenantId) -> list[OnboardingStep]:
        """For each step, the tasks by status and the required tasks that keep it from being left."""
        found = await self.database.run_single(lambda tx: summarize_current_tasks(tx, tenant_id))
        summaries = {one.readiness.task_type: summary_body(one) for one in found}
        return [
            OnboardingStep(
                step=one.step,
                counts=dict(one.counts),
                can_be_left=not one.open,
                missing=[summaries[task.task_type] for task in one.open],
            )
            for one in readiness_of_steps([one.readiness for one in found])
        ]

    @post(
        "/{step:int}/runs",
        status_code=200,
        guards=[requires(Permissions.RUN)],
        summary="Start the tasks of a step, all at once",
        operation_id="startStep",
    )
    async def start_step(
        self,
        tenant_id: TenantId,
        step: Step,
        caller: NamedDependency[Caller],
        data: JSONBody[StartStep | None] = None,
    ) -> list[StartedTask]:
        """Starts each required task of the step, and says of each what became of it."""
        if step not in STEPS:
            raise step_not_found()
        wanted = data or StartStep()
        connection_id = checked_connection(wanted.provider_connection_id)
        known = await self.database.run_single(list_task_types)
        names = tasks_of_step(known, step, include_optional=wanted.include_optional)
        trace = current_traceparent()
        asked = [Start(tenant_id, name, connection_id, caller.user_id, trace) for name in names]
        answers = await self.starts.start_all(asked) if asked else []
        return [_started(name, answer, tenant_id, self.links) for name, answer in zip(names, answers, strict=True)]


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
