"""Evidence: the list of a tenant, newest first, and one item."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import Parameter
from msgspec import Meta

from evidence_store.domain.paging import CursorInvalid, EvidenceFilter, read_cursor, write_cursor
from evidence_store.routes.bodies import OnboardingEvidence, SealedEvidence, evidence_body, sealed_body
from evidence_store.routes.problems import evidence_not_found, invalid_cursor, invalid_parameter
from evidence_store.store.reading import read_item, read_page
from onboarding_shared.contracts.types import MAX_ID, CheckStatus
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Permissions, requires

_LIST = "/tenants/{tenant_id:int}/onboarding/evidence"
_ONE = f"{_LIST}/{{evidence_id:int}}"

TaskType = Annotated[str | None, Parameter(query="taskType", description="For example license.inventory.")]
Status = Annotated[CheckStatus | None, Parameter(query="status")]
Reason = Annotated[
    str | None,
    Parameter(query="reason_code", pattern=r"^[A-Z][A-Z0-9_]{1,63}\Z", description="For example TIME_LIMIT_EXCEEDED."),
]
Session = Annotated[int | None, Parameter(query="session", ge=1, le=MAX_ID, description="An onboarding session's id.")]
Run = Annotated[int | None, Parameter(query="run", ge=1, le=MAX_ID, description="An operation run's id.")]
Since = Annotated[str | None, Parameter(query="since", description="RFC 3339; recorded then or later.")]
Until = Annotated[str | None, Parameter(query="until", description="RFC 3339; recorded before then.")]
Limit = Annotated[int, Parameter(query="limit", ge=1, le=200, description="How many items at most, 1..200.")]
Cursor = Annotated[str | None, Parameter(query="cursor", description="From the Link header of the page before.")]

_Moment = Annotated[datetime, Meta(tz=True)]
_DEFAULT_LIMIT = 50


def evidence_routes(database: Database) -> list[HTTPRouteHandler]:
    """The handlers of a tenant's evidence."""

    @get(_LIST, guards=[requires(Permissions.READ)], summary="List onboarding evidence, newest first")
    async def list_evidence(
        request: Request[Any, Any, Any],
        tenant_id: int,
        task_type: TaskType = None,
        status: Status = None,
        reason_code: Reason = None,
        session: Session = None,
        run: Run = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = _DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[OnboardingEvidence]]:
        _refuse_nulls(request, status=status, session=session, run=run)
        span = {"since": _moment("since", since), "until": _moment("until", until)}
        wanted = EvidenceFilter(task_type, status, reason_code, session, run, **span)
        below = None if cursor is None else _below(tenant_id, wanted, cursor)
        page = await database.run_single(lambda tx: read_page(tx, tenant_id, wanted, below=below, limit=limit))
        headers: Mapping[str, str] = {}
        if page.more:
            headers = _link(request, write_cursor(tenant_id, wanted, page.items[-1].position))
        return Response([evidence_body(item) for item in page.items], headers=headers)

    @get(_ONE, guards=[requires(Permissions.READ)], summary="Get one item of evidence with its sealed bytes")
    async def get_evidence(tenant_id: int, evidence_id: int) -> SealedEvidence:
        item = await database.run_single(lambda tx: read_item(tx, tenant_id, evidence_id))
        if item is None:
            raise evidence_not_found()
        return sealed_body(item)

    return [list_evidence, get_evidence]


def _refuse_nulls(request: Request[Any, Any, Any], **values: object) -> None:
    """``status=null`` is read as no filter at all, which would answer with what was not asked for."""
    for name, value in values.items():
        if value is None and name in request.query_params:
            raise invalid_parameter(name, "null is no value here")


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return msgspec.convert(text, _Moment).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as error:
        raise invalid_parameter(name, "not a time as in RFC 3339, such as 2026-11-24T09:30:00Z") from error


def _below(tenant_id: int, wanted: EvidenceFilter, cursor: str) -> int:
    try:
        return read_cursor(tenant_id, wanted, cursor)
    except CursorInvalid as error:
        raise invalid_cursor() from error


def _link(request: Request[Any, Any, Any], cursor: str) -> Mapping[str, str]:
    """A reference relative to this request, which stays right behind any proxy; the other parameters stay."""
    query = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return {"Link": f'<?{urlencode({**query, "cursor": cursor})}>; rel="next"'}
