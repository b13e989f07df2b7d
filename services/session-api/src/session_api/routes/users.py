"""The caller itself, and the names of users."""

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.spec import Example
from litestar.params import QueryParameter
from msgspec import Meta, Struct

from onboarding_shared.contracts.permissions import Permissions
from onboarding_shared.contracts.types import MAX_ID, Id
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Caller
from onboarding_shared.web.operations import LINK
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit, refuse_nulls
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, decode_cursor, link_headers
from session_api.store.users import list_users

MAX_IDS = 200
LAST_MOMENT = datetime(9999, 12, 31, tzinfo=UTC).timestamp()

UserIds = Annotated[
    list[Id] | None,
    QueryParameter(
        name="id", max_items=MAX_IDS, description="Only these users; repeatable.", examples=[Example(value=[7])]
    ),
]
Search = Annotated[
    str | None,
    QueryParameter(
        name="search",
        min_length=1,
        max_length=100,
        description="Only users whose name contains this text, in upper or lower case.",
        examples=[Example(value="ada")],
    ),
]


class TenantPermissions(Struct, kw_only=True):
    """The permissions of the caller in one tenant."""

    tenant_id: int
    permissions: list[str]


class Me(Struct, kw_only=True):
    """The caller. ``permissions`` hold in all tenants; ``all_tenants`` is true where there are any.

    ``tenants`` are those that the token names, each with all permissions that hold there.
    """

    user_id: int
    display_name: str | None
    all_tenants: bool
    tenants: list[TenantPermissions]
    permissions: list[str]
    operates_platform: bool
    expires_at: datetime


class User(Struct, kw_only=True):
    """A user that was seen, with the name that its token said last."""

    user_id: int
    display_name: str


class UserPosition(Struct, frozen=True, forbid_unknown_fields=True):
    """Position of a page: its users come after this one. Its name may be longer than a cursor."""

    id: Annotated[int, Meta(ge=1, le=MAX_ID)]


class UserRoutes(Controller):
    """The operations on ``/me`` and ``/onboarding/users``."""

    tags = ("users",)

    database: Database
    links: Links

    @get("/me", summary="Tell who calls, and what the caller may do", operation_id="getMe")
    async def get_me(self, caller: NamedDependency[Caller]) -> Me:
        """Return the user of the token, its tenants and its permissions."""
        return me(caller)

    @get("/onboarding/users", summary="List users by name", operation_id="listUsers", response_headers=[LINK])
    async def list_named_users(
        self,
        request: Request[Any, Any, Any],
        user_ids: UserIds = None,
        search: Search = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[User]]:
        """Return one page of the users whose tokens had a name. The Link header contains the next page."""
        refuse_nulls(request, id=user_ids, search=search)
        position = None if cursor is None else decode_cursor(cursor, UserPosition)
        after = None if position is None else position.id
        users = await self.database.run_single(
            lambda tx: list_users(tx, ids=user_ids, search=search, after=after, limit=limit + 1)
        )
        last = users[limit - 1] if len(users) > limit else None
        headers = link_headers(request, self.links, None if last is None else UserPosition(last.id))
        return Response(
            [User(user_id=user.id, display_name=user.display_name) for user in users[:limit]], headers=headers
        )


def me(caller: Caller) -> Me:
    """The caller as it is shown to itself."""
    tenants = [
        TenantPermissions(tenant_id=tenant_id, permissions=_ordered(own | caller.everywhere))
        for tenant_id, own in sorted(caller.permissions.items())
    ]
    return Me(
        user_id=caller.user_id,
        display_name=caller.display_name,
        all_tenants=bool(caller.everywhere),
        tenants=tenants,
        permissions=_ordered(caller.everywhere),
        operates_platform=caller.operates_platform,
        expires_at=datetime.fromtimestamp(min(caller.expires_at, LAST_MOMENT), UTC),
    )


def _ordered(permissions: frozenset[str]) -> list[str]:
    """The permissions of tenants in the order in which they are documented."""
    return [name for name in Permissions.ALL if name in permissions]
