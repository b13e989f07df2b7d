"""Runs: look at one, list them, cancel one, resume one."""

from collections.abc import Mapping
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from onboarding_shared.contracts.reason_codes import Reason, remediation_of
from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.types import MAX_ID, CheckStatus, RunState
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import LINK, TenantId
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit, refuse_nulls
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, IdPosition, before_id, link_headers
from session_api.routes.parameters import RunId
from session_api.routes.problems import run_ended, run_not_found, run_not_waiting
from session_api.routes.session_bodies import OperationRun, RunProgress, RunResult, RunWaiting
from session_api.store.runs import RunFilter, StoredRun, find_run, list_runs
from session_api.use_cases.reasons import ReasonCodes
from session_api.use_cases.runs import Cancellations, Resumptions, RunEnded, RunNotWaiting

_ITEM = "/{run_id:int}"
_LONGEST_SECONDS = 100 * 365 * 86_400

TaskTypeFilter = Annotated[
    str | None,
    QueryParameter(
        name="taskType",
        max_length=200,
        description="Only runs of this task type.",
        examples=[Example(value="license.inventory")],
    ),
]
StateFilter = Annotated[
    list[RunState] | None,
    QueryParameter(
        name="state", description="Only runs in this state; may be repeated.", examples=[Example(value=["running"])]
    ),
]
SessionFilter = Annotated[
    int | None,
    QueryParameter(
        name="session", ge=1, le=MAX_ID, description="Only runs of this session.", examples=[Example(value=3)]
    ),
]
OlderThan = Annotated[
    int | None,
    QueryParameter(
        name="older_than_seconds",
        ge=0,
        le=_LONGEST_SECONDS,
        description="Only runs that were accepted so many seconds ago or earlier.",
        examples=[Example(value=3600)],
    ),
]


class RunRoutes(Controller):
    """The operations under ``/runs``."""

    path = "/tenants/{tenant_id:int}/onboarding/runs"
    tags = ("runs",)

    cancellations: Cancellations
    resumptions: Resumptions
    database: Database
    reasons: ReasonCodes
    links: Links

    @get(_ITEM, guards=[requires(Permissions.READ)], summary="Get a run", operation_id="getRun")
    async def get_run(self, tenant_id: TenantId, run_id: RunId) -> OperationRun:
        """Return the run with its state, its progress and, after its end, its result."""
        run = await self.database.run_single(lambda tx: find_run(tx, tenant_id, run_id))
        if run is None:
            raise run_not_found()
        return run_body(run, self.links, await self.reasons.current())

    @get(
        guards=[requires(Permissions.READ)],
        summary="List runs, newest first",
        operation_id="listRuns",
        response_headers=[LINK],
    )
    async def list_tenant_runs(
        self,
        request: Request[Any, Any, Any],
        tenant_id: TenantId,
        task_type: TaskTypeFilter = None,
        states: StateFilter = None,
        session: SessionFilter = None,
        older_than: OlderThan = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[OperationRun]]:
        """Return one page of the runs that match all filters. The Link header contains the next page."""
        refuse_nulls(request, state=states, session=session, older_than_seconds=older_than)
        wanted = RunFilter(task_type, states, session, older_than)
        before = before_id(cursor)
        runs = await self.database.run_single(
            lambda tx: list_runs(tx, tenant_id, wanted, before=before, limit=limit + 1)
        )
        page = runs[:limit]
        next_position = IdPosition(page[-1].id) if len(runs) > limit else None
        headers = link_headers(request, self.links, next_position)
        reasons = await self.reasons.current()
        return Response([run_body(run, self.links, reasons) for run in page], headers=headers)

    @post(
        f"{_ITEM}/cancel",
        status_code=200,
        guards=[requires(Permissions.RUN)],
        summary="Cancel a run",
        operation_id="cancelRun",
    )
    async def cancel_run(self, tenant_id: TenantId, run_id: RunId, caller: NamedDependency[Caller]) -> OperationRun:
        """Request the cancellation. A queued or waiting run ends immediately, a running one after its task stopped."""
        run = await self.cancellations.cancel(tenant_id, run_id, caller.user_id)
        if run is None:
            raise run_not_found()
        if isinstance(run, RunEnded):
            raise run_ended(run)
        return run_body(run, self.links, await self.reasons.current())

    @post(
        f"{_ITEM}/resume",
        status_code=202,
        guards=[requires(Permissions.RUN)],
        summary="Run a waiting run again now",
        operation_id="resumeRun",
    )
    async def resume_run(self, tenant_id: TenantId, run_id: RunId, caller: NamedDependency[Caller]) -> OperationRun:
        """For a run that waits for something which has happened meanwhile. It runs again from its start."""
        resumed = await self.resumptions.resume(tenant_id, run_id, caller.user_id)
        if resumed is None:
            raise run_not_found()
        if isinstance(resumed, RunNotWaiting):
            raise run_not_waiting(resumed)
        return run_body(resumed, self.links, await self.reasons.current())


def run_body(run: StoredRun, links: Links, reasons: Mapping[str, Reason]) -> OperationRun:
    """Return the response body of a run."""
    ended = run.state in TERMINAL
    return OperationRun(
        id=run.id,
        tenant_id=run.tenant_id,
        task_type=run.task_type,
        state=run.state,
        attempt=run.attempt,
        progress=_progress(run),
        waiting=_waiting(run),
        result=_result(run, reasons) if ended else None,
        onboarding_session_id=run.session_id,
        provider_connection_id=run.provider_connection_id,
        requested_by_user_id=run.requested_by_user_id,
        cancel_requested_by_user_id=run.cancel_requested_by_user_id,
        retry_of_run_id=run.retry_of_run_id,
        inputs=run.inputs,
        dry_run=run.dry_run,
        created_at=run.created_at,
        started_at=run.started_at,
        finished_at=run.finished_at,
        cancel_requested_at=run.cancel_requested_at,
        url=links.run(run.tenant_id, run.id),
    )


def _progress(run: StoredRun) -> RunProgress | None:
    if run.progress_done is None:
        return None
    return RunProgress(done=run.progress_done, total=run.progress_total, message=run.progress_message)


def _waiting(run: StoredRun) -> RunWaiting | None:
    if run.state is not RunState.WAITING:
        return None
    return RunWaiting(reason_code=run.reason_code, message=run.message, resume_at=run.resume_at)


def _result(run: StoredRun, reasons: Mapping[str, Reason]) -> RunResult:
    status = None if run.status is None else CheckStatus(run.status)
    return RunResult(
        status=status,
        reason_code=run.reason_code,
        message=run.message,
        remediation=remediation_of(run.reason_code, reasons),
    )
