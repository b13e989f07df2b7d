"""The verdicts of all customers that expire soon."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.openapi.spec import Example
from litestar.params import QueryParameter
from msgspec import Meta

from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Caller
from onboarding_shared.web.operations import LINK
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit
from session_api.routes.customer_bodies import VerdictExpiry
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, decode_cursor, link_headers
from session_api.store.customers import ExpiryPosition, list_expiries

Days = Annotated[
    int,
    QueryParameter(
        name="within_days", description="Days from now, 1..365.", examples=[Example(value=30)], ge=1, le=365
    ),
]


class Position(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Position of a page: its verdicts expire after this one.

    A time has a zone, and a year that PostgreSQL can hold in any zone; otherwise ``ValueError``.
    """

    at: Annotated[datetime, Meta(tz=True)]
    tenant: Annotated[int, Meta(ge=0, le=MAX_ID)]
    task_type: Annotated[str, Meta(max_length=200, pattern=r"^[^\x00]*\Z")]

    def __post_init__(self) -> None:
        if not 1 < self.at.year < 9999:
            raise ValueError("The year is outside the list")


_FIRST_EXPIRY = Position(datetime(2, 1, 1, tzinfo=UTC), 0, "")


class ExpiryRoutes(Controller):
    """The operation over the verdicts of all tenants in which the caller may read."""

    path = "/onboarding/expiries"
    tags = ("customers",)

    database: Database
    links: Links

    @get(
        summary="List the verdicts that expire soon",
        operation_id="listExpiries",
        response_headers=[LINK],
    )
    async def list_verdict_expiries(
        self,
        request: Request[Caller, Any, Any],
        within_days: Days = 30,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[VerdictExpiry]]:
        """Return one page of the verdicts that become unknown within these days, the first to expire first."""
        position = _FIRST_EXPIRY if cursor is None else decode_cursor(cursor, Position)
        after = ExpiryPosition(position.at, position.tenant, position.task_type)
        tenants = request.user.tenant_filter()
        expiries = await self.database.run_single(
            lambda tx: list_expiries(tx, tenants, days=within_days, after=after, limit=limit + 1)
        )
        page = [msgspec.convert(expiry, VerdictExpiry, from_attributes=True) for expiry in expiries[:limit]]
        last = page[-1] if len(expiries) > limit else None
        next_position = None if last is None else Position(last.expires_at, last.tenant_id, last.task_type)
        return Response(page, headers=link_headers(request, self.links, next_position))
