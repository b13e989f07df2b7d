"""Tasks: how a tenant stands with each, and starting one."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from onboarding_shared.contracts.reason_codes import remediation_of
from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.postgres.database import Database
from onboarding_shared.runtime.identity import Caller, Permissions, requires
from onboarding_shared.runtime.tracing import current_traceparent
from session_api.domain.connections import NotUsable
from session_api.domain.starting import Start, UnknownTaskType
from session_api.links import Links
from session_api.problems import blocked_problem, connection_not_found, connection_problem, unknown_task_type
from session_api.routes.bodies import ErrorResponse, OnboardingTaskSummary, OperationRunLink, StartRun
from session_api.starts import BlockedBy, Starts
from session_api.store.task_types import TaskSummary, summarize_tasks

_TASKS = "/tenants/{tenant_id:int}/onboarding/tasks"


def task_routes(starts: Starts, database: Database, links: Links) -> list[HTTPRouteHandler]:
    """The handlers of tasks and their starts."""

    @get(_TASKS, guards=[requires(Permissions.READ)], summary="List onboarding tasks and latest status")
    async def list_tasks(tenant_id: FromPath[int]) -> list[OnboardingTaskSummary]:
        found = await database.run_single(lambda connection: summarize_tasks(connection, tenant_id))
        return [_summary(one) for one in found]

    @post(
        f"{_TASKS}/{{task_type:str}}/runs",
        guards=[requires(Permissions.RUN)],
        summary="Start onboarding task (OperationRun-backed)",
        responses={
            409: ResponseSpec(ErrorResponse, generate_examples=False, description="Blocked by concurrency guard")
        },
    )
    async def start_run(
        tenant_id: FromPath[int],
        task_type: FromPath[str],
        caller: NamedDependency[Caller],
        data: JSONBody[StartRun | None] = None,
    ) -> Response[OperationRunLink]:
        wanted = None if data is None else data.provider_connection_id
        if wanted is not None and not 1 <= wanted <= MAX_ID:
            raise connection_not_found()
        answer = await starts.start(
            Start(
                tenant_id=tenant_id,
                task_type=task_type,
                connection_id=wanted,
                user_id=caller.user_id,
                traceparent=current_traceparent(),
            )
        )
        match answer:
            case BlockedBy():
                raise blocked_problem(answer, tenant_id, links)
            case UnknownTaskType():
                raise unknown_task_type(answer)
            case NotUsable():
                raise connection_problem(answer)
        url = links.run(tenant_id, answer.run_id)
        outcome = "created" if answer.created else "reused"
        return Response(OperationRunLink(run_id=answer.run_id, url=url, outcome=outcome), headers={"Location": url})

    return [list_tasks, start_run]


def _summary(one: TaskSummary) -> OnboardingTaskSummary:
    return OnboardingTaskSummary(
        task_type=one.standing.task_type,
        status=one.standing.status,
        reason_code=one.reason_code,
        message=one.message,
        last_run_id=one.last_run_id,
        remediation=remediation_of(one.reason_code),
        expires_at=one.expires_at,
    )
