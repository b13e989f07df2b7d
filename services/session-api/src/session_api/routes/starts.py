"""Starts: of one task, and again of what has ended."""

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody

from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.runtime.identity import Caller, Permissions, requires
from onboarding_shared.runtime.tracing import current_traceparent
from session_api.domain.starting import Start
from session_api.links import Links
from session_api.problems import connection_not_found, run_not_ended, run_not_found, start_problem
from session_api.retries import Retries, RunNotEnded
from session_api.routes.bodies import ErrorResponse, OperationRunLink, StartRun
from session_api.starts import Accepted, Answer, Starts

_HERE = "/tenants/{tenant_id:int}/onboarding"
_BLOCKED = {409: ResponseSpec(ErrorResponse, generate_examples=False, description="Blocked by concurrency guard")}


def start_routes(starts: Starts, retries: Retries, links: Links) -> list[HTTPRouteHandler]:
    """The handlers of everything that starts a task."""

    @post(
        f"{_HERE}/tasks/{{task_type:str}}/runs",
        guards=[requires(Permissions.RUN)],
        summary="Start onboarding task (OperationRun-backed)",
        responses=_BLOCKED,
    )
    async def start_run(
        tenant_id: FromPath[int],
        task_type: FromPath[str],
        caller: NamedDependency[Caller],
        data: JSONBody[StartRun | None] = None,
    ) -> Response[OperationRunLink]:
        answer = await starts.start(
            Start(
                tenant_id=tenant_id,
                task_type=task_type,
                connection_id=checked_connection(None if data is None else data.provider_connection_id),
                user_id=caller.user_id,
                traceparent=current_traceparent(),
            )
        )
        return _response(answer, tenant_id, links)

    @post(
        f"{_HERE}/runs/{{run_id:int}}/retry",
        guards=[requires(Permissions.RUN)],
        summary="Start what a run did once more",
        responses=_BLOCKED,
    )
    async def retry_run(
        tenant_id: FromPath[int], run_id: FromPath[int], caller: NamedDependency[Caller]
    ) -> Response[OperationRunLink]:
        answer = await retries.retry(tenant_id, run_id, caller.user_id)
        if answer is None:
            raise run_not_found()
        if isinstance(answer, RunNotEnded):
            raise run_not_ended(answer)
        return _response(answer, tenant_id, links)

    return [start_run, retry_run]


def checked_connection(wanted: int | None) -> int | None:
    """The id of a provider connection as a caller named it. Raises ``NotFound`` where it can be none."""
    if wanted is not None and not 1 <= wanted <= MAX_ID:
        raise connection_not_found()
    return wanted


def _response(answer: Answer, tenant_id: int, links: Links) -> Response[OperationRunLink]:
    if not isinstance(answer, Accepted):
        raise start_problem(answer, tenant_id, links)
    url = links.run(tenant_id, answer.run_id)
    outcome = "created" if answer.created else "reused"
    return Response(OperationRunLink(run_id=answer.run_id, url=url, outcome=outcome), headers={"Location": url})
