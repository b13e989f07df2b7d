"""Starts: of a task, its preflight, and the retry of an ended run."""

from typing import Any

from litestar import Controller, Request, Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from onboarding_shared.contracts.reason_codes import remediation_of
from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.telemetry.tracing import current_traceparent
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import LOCATION, TenantId
from session_api.domain.guard import Blocked, Reused
from session_api.domain.starting import Planned, Start
from session_api.routes.evidence import callers_headers
from session_api.routes.idempotency import IdempotencyKey, answer_once
from session_api.routes.links import Links
from session_api.routes.parameters import RunId, TaskType
from session_api.routes.problems import (
    CODES,
    blocking_run,
    connection_not_found,
    retry_problem,
    start_problem,
)
from session_api.routes.run_bodies import (
    BlockingRun,
    ErrorResponse,
    OperationRunLink,
    PreflightFinding,
    PreflightReport,
    StartRun,
)
from session_api.use_cases.preflights import LookAnswer, Preflight, Preflights
from session_api.use_cases.runs import Retries, RetryAnswer
from session_api.use_cases.starts import Accepted, Starts

_PREFLIGHT = {
    200: ResponseSpec(
        PreflightReport, generate_examples=False, description="Preflight of validate_only; nothing started"
    )
}
_BLOCKED = {409: ResponseSpec(ErrorResponse, generate_examples=False, description="Blocked by concurrency guard")}


class StartRoutes(Controller):
    """The operations that start one task."""

    path = "/tenants/{tenant_id:int}/onboarding"
    tags = ("runs",)

    starts: Starts
    retries: Retries
    preflights: Preflights
    links: Links

    @post(
        "/tasks/{task_type:str}/runs",
        guards=[requires(Permissions.RUN)],
        summary="Start onboarding task (OperationRun-backed)",
        responses=_BLOCKED | _PREFLIGHT,
        operation_id="startRun",
        response_headers=[LOCATION],
    )
    async def start_run(
        self,
        request: Request[Caller, Any, Any],
        tenant_id: TenantId,
        task_type: TaskType,
        data: JSONBody[StartRun | None] = None,
        key: IdempotencyKey = None,
    ) -> Response[OperationRunLink]:
        """Create a run, or return the active run of the same task type and scope. With validate_only, start nothing."""
        wanted = data or StartRun()
        start = Start(
            tenant_id=tenant_id,
            task_type=task_type,
            connection_id=checked_connection(wanted.provider_connection_id),
            user_id=request.user.user_id,
            traceparent=current_traceparent(),
            inputs=wanted.inputs,
            dry_run=wanted.dry_run,
        )
        if wanted.validate_only:
            preflight = await self.preflights.look(start, callers_headers(request))
            return _preflight_response(preflight, start, self.links)
        if key is None:
            [answer] = await self.starts.start_all([start])
            return _response(answer, tenant_id, self.links)
        return await answer_once(
            request,
            key,
            lambda once: self.starts.start_all([start], once),
            lambda answers: _response(answers[0], tenant_id, self.links),
        )

    @post(
        "/runs/{run_id:int}/retry",
        guards=[requires(Permissions.RUN)],
        summary="Retry an ended run",
        responses=_BLOCKED,
        operation_id="retryRun",
        response_headers=[LOCATION],
    )
    async def retry_run(
        self,
        request: Request[Caller, Any, Any],
        tenant_id: TenantId,
        run_id: RunId,
        key: IdempotencyKey = None,
    ) -> Response[OperationRunLink]:
        """Starts the task of a run that has ended once more: same provider connection, inputs and dry run."""

        chosen, user_id = [(tenant_id, run_id)], request.user.user_id
        return await answer_once(
            request,
            key,
            lambda once: self.retries.retry_all(chosen, user_id, once),
            lambda answers: _response(answers[0], tenant_id, self.links),
        )


def checked_connection(wanted: int | None) -> int | None:
    """Return the requested connection id, or None. Raise ``NotFound`` if it is out of range."""
    if wanted is not None and not 1 <= wanted <= MAX_ID:
        raise connection_not_found()
    return wanted


def _response(answer: RetryAnswer, tenant_id: int, links: Links) -> Response[OperationRunLink]:
    if not isinstance(answer, Accepted):
        raise retry_problem(answer, tenant_id, links)
    url = links.run(tenant_id, answer.run_id)
    outcome = "created" if answer.created else "reused"
    return Response(OperationRunLink(run_id=answer.run_id, url=url, outcome=outcome), headers={"Location": url})


def _preflight_response(found: LookAnswer, start: Start, links: Links) -> Response[Any]:
    if not isinstance(found, Preflight):
        raise start_problem(found, start.tenant_id, links)
    return Response(_report(found, start, links), status_code=200)


def _report(preflight: Preflight, start: Start, links: Links) -> PreflightReport:
    planned = preflight.plan if isinstance(preflight.plan, Planned) else None
    decision = planned.decision if planned else None
    reused = decision.run.run_id if isinstance(decision, Reused) else None
    blocking = decision.run if isinstance(decision, Blocked) else None
    return PreflightReport(
        task_type=start.task_type,
        would=preflight.prediction,
        provider_connection_id=planned.connection.id if planned and planned.connection else None,
        run_id=reused,
        url=None if reused is None else links.run(start.tenant_id, reused),
        blocking_run=None if blocking is None else BlockingRun(**blocking_run(blocking, start.tenant_id, links)),
        findings=[
            PreflightFinding(
                check=finding.check,
                status=finding.status,
                code=finding.code,
                message=finding.message,
                remediation=remediation_of(finding.code) or CODES.get(finding.code or ""),
            )
            for finding in preflight.findings
        ],
    )
