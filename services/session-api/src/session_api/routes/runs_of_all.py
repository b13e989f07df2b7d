"""The runs of all customers of the caller."""

from typing import Any

from litestar import Controller, Request, Response, get

from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Caller
from onboarding_shared.web.operations import LINK
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit, refuse_nulls
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, IdPosition, before_id, link_headers
from session_api.routes.runs import OlderThan, StateFilter, TaskTypeFilter, run_body
from session_api.routes.session_bodies import OperationRun
from session_api.store.runs import RunFilter, list_runs_of_all
from session_api.use_cases.reasons import ReasonCodes


class AllRunRoutes(Controller):
    """The operation over the runs of all tenants in which the caller may read."""

    path = "/onboarding/runs"
    tags = ("runs",)

    database: Database
    reasons: ReasonCodes
    links: Links

    @get(summary="List the runs of all customers, newest first", operation_id="listAllRuns", response_headers=[LINK])
    async def list_all_runs(
        self,
        request: Request[Caller, Any, Any],
        task_type: TaskTypeFilter = None,
        states: StateFilter = None,
        older_than: OlderThan = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[OperationRun]]:
        """Return one page of the runs that match all filters. The Link header contains the next page."""
        refuse_nulls(request, state=states, older_than_seconds=older_than)
        wanted = RunFilter(task_type, states, older_than_seconds=older_than)
        before, tenants = before_id(cursor), request.user.tenant_filter()
        runs = await self.database.run_single(
            lambda tx: list_runs_of_all(tx, tenants, wanted, before=before, limit=limit + 1)
        )
        page = runs[:limit]
        next_position = IdPosition(page[-1].id) if len(runs) > limit else None
        headers = link_headers(request, self.links, next_position)
        reasons = await self.reasons.current()
        return Response([run_body(run, self.links, reasons) for run in page], headers=headers)
