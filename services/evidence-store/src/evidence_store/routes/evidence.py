"""The evidence of a tenant: a list, newest first, and one item."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example, OpenAPIFormat
from litestar.params import PathParameter, QueryParameter, SkipValidation
from msgspec import Meta

from evidence_store.domain.paging import CursorInvalid, EvidenceFilter, read_cursor, write_cursor
from evidence_store.routes.bodies import OnboardingEvidence, SealedEvidence, evidence_body, sealed_body
from evidence_store.routes.problems import evidence_not_found, invalid_cursor, invalid_parameter
from evidence_store.store.reading import read_item, read_page
from onboarding_shared.contracts.types import MAX_ID, CheckStatus
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Permissions, requires
from onboarding_shared.web.operations import LINK, TenantId
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit, refuse_nulls

EvidenceId = Annotated[
    int, PathParameter(description="Id of an item of evidence of the tenant.", examples=[Example(value=205)])
]
TaskType = Annotated[
    str | None,
    QueryParameter(
        name="taskType", description="Only evidence of this task type.", examples=[Example(value="license.inventory")]
    ),
]
Status = Annotated[
    CheckStatus | None,
    QueryParameter(
        name="status", description="Only evidence with this check status.", examples=[Example(value="fail")]
    ),
]
Reason = Annotated[
    str | None,
    QueryParameter(
        name="reason_code",
        pattern=r"^[A-Z][A-Z0-9_]{1,63}\Z",
        description="Only evidence with this reason code.",
        examples=[Example(value="TIME_LIMIT_EXCEEDED")],
    ),
]
Session = Annotated[
    int | None,
    QueryParameter(
        name="session", ge=1, le=MAX_ID, description="Only evidence of this session.", examples=[Example(value=3)]
    ),
]
Run = Annotated[
    int | None,
    QueryParameter(name="run", ge=1, le=MAX_ID, description="Only evidence of this run.", examples=[Example(value=17)]),
]
Since = Annotated[
    str | None,
    QueryParameter(
        name="since",
        schema_extra={"format": OpenAPIFormat.DATE_TIME},
        description="Recorded at this time or later (RFC 3339).",
        examples=[Example(value="2026-11-24T09:30:00Z")],
    ),
]
Until = Annotated[
    str | None,
    QueryParameter(
        name="until",
        schema_extra={"format": OpenAPIFormat.DATE_TIME},
        description="Recorded before this time (RFC 3339).",
        examples=[Example(value="2026-11-25T00:00:00Z")],
    ),
]
Cursor = Annotated[
    str | None,
    QueryParameter(
        name="cursor",
        description="Cursor from the Link header of the previous page.",
        examples=[Example(value="AAAAAAAAABGcK1uyVt4xv0Jq8rBd")],
    ),
]

_Moment = Annotated[datetime, Meta(tz=True)]


def evidence_filter(
    request: Request[Any, Any, Any],
    task_type: TaskType = None,
    status: Status = None,
    reason_code: Reason = None,
    session: Session = None,
    run: Run = None,
    since: Since = None,
    until: Until = None,
) -> EvidenceFilter:
    """Return the filter in the query of a request."""
    refuse_nulls(request, status=status, session=session, run=run)
    span = {"since": _moment("since", since), "until": _moment("until", until)}
    return EvidenceFilter(task_type, status, reason_code, session, run, **span)


class EvidenceRoutes(Controller):
    """The operations under ``/evidence``."""

    path = "/tenants/{tenant_id:int}/onboarding/evidence"
    tags = ("evidence",)
    guards = (requires(Permissions.READ),)

    database: Database

    @get(
        operation_id="listEvidence",
        summary="List onboarding evidence, newest first",
        dependencies={"wanted": Provide(evidence_filter, sync_to_thread=False)},
        response_headers=[LINK],
    )
    async def list_evidence(
        self,
        request: Request[Any, Any, Any],
        tenant_id: TenantId,
        wanted: NamedDependency[SkipValidation[EvidenceFilter]],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[OnboardingEvidence]]:
        """Return one page of the evidence that matches all filters. The Link header contains the next page."""
        below = None if cursor is None else _below(tenant_id, wanted, cursor)
        page = await self.database.run_single(lambda tx: read_page(tx, tenant_id, wanted, below=below, limit=limit))
        headers: Mapping[str, str] = {}
        if page.more:
            headers = _link(request, write_cursor(tenant_id, wanted, page.items[-1].position))
        return Response([evidence_body(item) for item in page.items], headers=headers)

    @get("/{evidence_id:int}", operation_id="getEvidence", summary="Get one item of evidence with its sealed record")
    async def get_evidence(self, tenant_id: TenantId, evidence_id: EvidenceId) -> SealedEvidence:
        """Return the item with the sealed record and the previous seal, from which its seal can be computed."""
        item = await self.database.run_single(lambda tx: read_item(tx, tenant_id, evidence_id))
        if item is None:
            raise evidence_not_found()
        return sealed_body(item)


def _moment(name: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return msgspec.convert(text, _Moment).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as error:
        raise invalid_parameter(name, "must be an RFC 3339 time, such as 2026-11-24T09:30:00Z") from error


def _below(tenant_id: int, wanted: EvidenceFilter, cursor: str) -> int:
    try:
        return read_cursor(tenant_id, wanted, cursor)
    except CursorInvalid as error:
        raise invalid_cursor() from error


def _link(request: Request[Any, Any, Any], cursor: str) -> Mapping[str, str]:
    """Return the ``Link`` header of the next page, relative to the request, so that it is valid behind a proxy."""
    query = {name: value for name, value in request.query_params.items() if name != "cursor"}
    return {"Link": f'<?{urlencode({**query, "cursor": cursor})}>; rel="next"'}
