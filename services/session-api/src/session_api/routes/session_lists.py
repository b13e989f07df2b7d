"""The sessions of a tenant in any status: the open one and earlier ones."""

from typing import Any

from litestar import Controller, Request, Response, get

from onboarding_shared.postgres.database import Database
from onboarding_shared.web.identity import Permissions, requires
from onboarding_shared.web.operations import LINK, TenantId
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit
from session_api.routes.links import Links
from session_api.routes.paging import Cursor, IdPosition, before_id, link_headers
from session_api.routes.session_answers import details_body
from session_api.routes.session_bodies import SessionDetails
from session_api.store.sessions import list_sessions


class SessionListRoutes(Controller):
    """The operation under ``/sessions``."""

    path = "/tenants/{tenant_id:int}/onboarding/sessions"
    tags = ("sessions",)
    guards = (requires(Permissions.READ),)

    database: Database
    links: Links

    @get(summary="List the sessions, newest first", operation_id="listSessions", response_headers=[LINK])
    async def list_tenant_sessions(
        self,
        request: Request[Any, Any, Any],
        tenant_id: TenantId,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[SessionDetails]]:
        """Return one page of the tenant's sessions in any status. The Link header contains the next page."""
        before = before_id(cursor)
        sessions = await self.database.run_single(
            lambda tx: list_sessions(tx, tenant_id, before=before, limit=limit + 1)
        )
        page = sessions[:limit]
        next_position = IdPosition(page[-1].loaded.session.id) if len(sessions) > limit else None
        return Response(
            [details_body(dated) for dated in page], headers=link_headers(request, self.links, next_position)
        )
