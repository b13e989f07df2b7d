"""Customers: list, count, export; and the display name of a tenant."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, put
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example
from litestar.params import JSONBody, QueryParameter
from litestar.response import Stream
from msgspec import Meta

from onboarding_shared.contracts.types import MAX_ID, CheckStatus
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.errors import BadRequest
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import LINK, TenantId
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit, refuse_nulls
from session_api.domain.customers import Activity, CustomerFilter, SessionFilter, Sorting
from session_api.routes.csv_text import csv_lines
from session_api.routes.customer_bodies import (
    CustomersSummary,
    CustomerSummary,
    TenantName,
    customer_body,
)
from session_api.routes.customer_csv import COLUMNS, customer_cells
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, decode_cursor, link_headers
from session_api.store.customers import (
    CustomerPosition,
    Tenants,
    count_customers,
    list_customers,
    set_tenant_name,
    tenant_name,
)

_CSV_PAGE = 200


def _filter(name: str, description: str, example: object, **limits: Any) -> Any:
    return QueryParameter(name=name, description=description, examples=[Example(value=example)], **limits)


Search = Annotated[
    str | None,
    _filter("search", "Part of the name or of the Microsoft tenant id, or the tenant id.", "contoso", max_length=100),
]
OfSession = Annotated[SessionFilter | None, _filter("session", "State of the latest session.", "open")]
Verdict = Annotated[CheckStatus | None, _filter("verdict", "At least one task has this verdict.", "fail")]
OfActivity = Annotated[
    Activity | None,
    _filter(
        "activity",
        "At least one run is in this state; active: it is queued, running, waiting or being cancelled.",
        "waiting",
    ),
]
NeedsAttention = Annotated[
    bool | None, _filter("needs_attention", "A required task has failed (true), or none has (false).", True)
]
LockedBy = Annotated[
    str | None, _filter("locked_by", "The user who holds the edit lock: an id, or me.", "me", max_length=19)
]
Sort = Annotated[Sorting, _filter("sort", "The order; a leading minus reverses it.", "name")]


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Position of a page: its customers come after this value and tenant."""

    key: Annotated[str, Meta(max_length=300, pattern=r"^[^\x00]*\Z")]
    tenant: Annotated[int, Meta(ge=1, le=MAX_ID)]


async def customer_filter(
    request: Request[Caller, Any, Any],
    search: Search = None,
    session: OfSession = None,
    verdict: Verdict = None,
    activity: OfActivity = None,
    needs_attention: NeedsAttention = None,
    locked_by: LockedBy = None,
) -> CustomerFilter:
    """Return the filters of the request. Raise ``BadRequest`` for a user id that is none."""
    refuse_nulls(request, session=session, verdict=verdict, activity=activity, needs_attention=needs_attention)
    user = None if locked_by is None else _user(locked_by, request.user)
    return CustomerFilter(search or None, session, verdict, activity, needs_attention, user)


class CustomerRoutes(Controller):
    """The operations over all customers of the caller, whose tenants without ``onboarding.read`` are left out."""

    path = "/onboarding"
    tags = ("customers",)

    database: Database
    links: Links

    @get(
        "/tenants",
        summary="List the customers",
        operation_id="listCustomers",
        dependencies={"wanted": Provide(customer_filter)},
        response_headers=[LINK],
    )
    async def list_tenants(
        self,
        request: Request[Caller, Any, Any],
        wanted: NamedDependency[CustomerFilter],
        sort: Sort = Sorting.NAME,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[CustomerSummary]]:
        """Return one page of the customers that match all filters. The Link header contains the next page."""
        position = None if cursor is None else decode_cursor(cursor, Position)
        after = None if position is None else CustomerPosition(position.key, position.tenant)
        tenants = request.user.tenant_filter()
        page = await self.database.run_single(
            lambda tx: list_customers(tx, tenants, wanted, sort, after=after, limit=limit + 1)
        )
        last = page.positions[limit - 1] if len(page.customers) > limit else None
        headers = link_headers(request, self.links, None if last is None else Position(last.key, last.tenant_id))
        return Response([customer_body(customer) for customer in page.customers[:limit]], headers=headers)

    @get("/tenants/summary", summary="Count the customers", operation_id="countCustomers")
    async def count_tenants(self, caller: NamedDependency[Caller]) -> CustomersSummary:
        """Return how many customers are in onboarding, wait, need attention, are complete, or end soon."""
        tenants = caller.tenant_filter()
        counts = await self.database.run_single(lambda tx: count_customers(tx, tenants))
        return msgspec.convert(counts, CustomersSummary, from_attributes=True)

    @get(
        "/tenants.csv",
        summary="Export the customers as CSV",
        operation_id="exportCustomers",
        dependencies={"wanted": Provide(customer_filter)},
        media_type="text/csv",
    )
    async def export_tenants(
        self, caller: NamedDependency[Caller], wanted: NamedDependency[CustomerFilter], sort: Sort = Sorting.NAME
    ) -> Stream:
        """Return all customers that match the filters, one a line (RFC 4180), read page by page."""
        lines = self._csv(caller.tenant_filter(), wanted, sort)
        headers = {"Content-Disposition": 'attachment; filename="customers.csv"'}
        return Stream(lines, media_type="text/csv; charset=utf-8; header=present", headers=headers)

    async def _csv(self, tenants: Tenants, wanted: CustomerFilter, sort: Sorting) -> AsyncIterator[str]:
        yield csv_lines([COLUMNS])
        after: CustomerPosition | None = None
        while True:
            bound = after
            page = await self.database.run_single(
                lambda tx, bound=bound: list_customers(tx, tenants, wanted, sort, after=bound, limit=_CSV_PAGE)
            )
            yield csv_lines(customer_cells(customer) for customer in page.customers)
            if len(page.customers) < _CSV_PAGE:
                return
            after = page.positions[-1]


class TenantNameRoutes(Controller):
    """The display name of a tenant."""

    path = "/tenants/{tenant_id:int}/onboarding/name"
    tags = ("customers",)

    database: Database

    @get(guards=[requires(Permissions.READ)], summary="Get the display name", operation_id="getTenantName")
    async def get_tenant_name(self, tenant_id: TenantId) -> TenantName:
        """Return the name that was set, else that of the newest enabled connection, else the tenant id in words."""
        return TenantName(display_name=await self.database.run_single(lambda tx: tenant_name(tx, tenant_id)))

    @put(guards=[requires(Permissions.CONNECTIONS)], summary="Set the display name", operation_id="setTenantName")
    async def put_tenant_name(
        self, tenant_id: TenantId, data: JSONBody[TenantName], caller: NamedDependency[Caller]
    ) -> TenantName:
        """Set the name by which lists and reports call the tenant."""
        await self.database.run(lambda tx: set_tenant_name(tx, tenant_id, data.display_name, caller.user_id))
        return data


def _user(locked_by: str, caller: Caller) -> int:
    if locked_by == "me":
        return caller.user_id
    if not locked_by.isascii() or not locked_by.isdigit() or not 1 <= int(locked_by) <= MAX_ID:
        raise BadRequest("INVALID_PARAMETER", "locked_by: a user id or me", extra={"field": "locked_by"})
    return int(locked_by)
