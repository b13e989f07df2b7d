"""Sessions: get, open, update, complete, abandon, and list their history."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Controller, Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import Meta, UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.errors import NotFound
from onboarding_shared.web.identity import Caller, Permissions, authorize, requires
from onboarding_shared.web.operations import LINK, LOCATION, TenantId
from onboarding_shared.web.paging import DEFAULT_LIMIT, Limit
from session_api.domain.entity_tags import NO_SESSION, entity_tag
from session_api.domain.quotas import TooManySessions
from session_api.domain.sessions import KEEP, Change, Keep
from session_api.routes.conditions import ETAG, IfMatch, IfNoneMatch, entity_tags, is_known
from session_api.routes.idempotency import IdempotencyKey, answer_once
from session_api.routes.links import Links
from session_api.routes.paging import FIRST_PAGE, Cursor, decode_cursor, link_headers
from session_api.routes.parameters import SessionId
from session_api.routes.problems import connection_not_found, quota_problem, session_problem
from session_api.routes.session_answers import details_body, session_body
from session_api.routes.session_bodies import (
    AbandonSession,
    HistoryEntry,
    OnboardingSession,
    OnboardingSessionResponse,
    SessionDetails,
    UpdateOnboardingSessionRequest,
)
from session_api.store.history import HistoryLine, read_history
from session_api.store.sessions import find_session, list_sessions
from session_api.use_cases.sessions import LoadedSession, NoSuchSession, SessionRefusal, Sessions

_ITEM = "/{session_id:int}"
_UNCHANGED = {304: ResponseSpec(None, description="The session has not changed")}


class HistoryPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Position of a page: its entries are older.

    A time has a zone, and a year that PostgreSQL can hold in any zone; otherwise ``ValueError``.
    """

    at: Annotated[datetime, Meta(tz=True)]
    kind: Annotated[int, Meta(ge=0, le=9)]
    id: Annotated[int, Meta(ge=0, le=MAX_ID)]

    def __post_init__(self) -> None:
        if not 1 < self.at.year < 9999:
            raise ValueError("The year is outside the history")


_NEWEST = HistoryPosition(datetime(9998, 1, 1, tzinfo=UTC), 0, 0)


class SessionRoutes(Controller):
    """The operations under ``/session``."""

    path = "/tenants/{tenant_id:int}/onboarding/session"
    tags = ("sessions",)

    sessions: Sessions
    database: Database
    links: Links

    @get(
        guards=[requires(Permissions.READ)],
        summary="Get current onboarding session (or null)",
        operation_id="getSession",
        response_headers=[ETAG],
        responses=_UNCHANGED,
    )
    async def get_session(
        self, tenant_id: TenantId, if_none_match: IfNoneMatch = None
    ) -> Response[OnboardingSessionResponse]:
        """Return the tenant's open session with the holder of its edit lock, or null."""
        loaded = await self.sessions.current(tenant_id)
        current = NO_SESSION if loaded is None else _tag(loaded)
        if is_known(if_none_match, current):
            unchanged: Response[Any] = Response(None, status_code=304, headers={"ETag": current})
            return unchanged
        body = OnboardingSessionResponse(session=None if loaded is None else session_body(loaded))
        return Response(body, headers={"ETag": current})

    @post(
        guards=[requires(Permissions.WRITE)],
        summary="Create (or resume) onboarding session",
        operation_id="openSession",
        response_headers=[LOCATION, ETAG],
    )
    async def open_session(
        self,
        request: Request[Caller, Any, Any],
        tenant_id: TenantId,
        key: IdempotencyKey = None,
    ) -> Response[OnboardingSession]:
        """Create a session, or return the open one. The caller acquires the edit lock if it is free."""

        def respond(loaded: LoadedSession | TooManySessions) -> Response[OnboardingSession]:
            if isinstance(loaded, TooManySessions):
                raise quota_problem(loaded)
            return Response(
                session_body(loaded), headers={"Location": self.links.session(tenant_id), "ETag": _tag(loaded)}
            )

        return await answer_once(
            request, key, lambda once: self.sessions.open(tenant_id, request.user.user_id, once), respond
        )

    @patch(
        _ITEM,
        guards=[requires(Permissions.WRITE)],
        summary="Update onboarding session (step, assignment, handoff)",
        operation_id="updateSession",
        response_headers=[ETAG],
    )
    async def update_session(
        self,
        tenant_id: TenantId,
        session_id: SessionId,
        data: JSONBody[UpdateOnboardingSessionRequest],
        caller: NamedDependency[Caller],
        if_match: IfMatch = None,
    ) -> Response[OnboardingSession]:
        """Update the session under the edit lock; takeover=true takes the lock over. Omitted members do not change."""
        if data.takeover is True:
            authorize(caller, tenant_id, Permissions.TAKEOVER)
        expected = entity_tags(if_match, "If-Match")
        outcome = await self.sessions.change(tenant_id, session_id, _change(data), caller.user_id, expected=expected)
        return _response(outcome)

    @post(
        f"{_ITEM}/complete",
        status_code=200,
        guards=[requires(Permissions.WRITE)],
        summary="Complete onboarding session",
        operation_id="completeSession",
        response_headers=[ETAG],
    )
    async def complete_session(
        self,
        tenant_id: TenantId,
        session_id: SessionId,
        caller: NamedDependency[Caller],
        if_match: IfMatch = None,
    ) -> Response[OnboardingSession]:
        """Complete the session. It must be in step 5, and the required tasks of step 5 must be ok or warn."""
        expected = entity_tags(if_match, "If-Match")
        return _response(await self.sessions.complete(tenant_id, session_id, caller.user_id, expected=expected))

    @post(
        f"{_ITEM}/abandon",
        status_code=200,
        guards=[requires(Permissions.WRITE)],
        summary="Abandon onboarding session",
        operation_id="abandonSession",
        response_headers=[ETAG],
    )
    async def abandon_session(
        self,
        tenant_id: TenantId,
        session_id: SessionId,
        caller: NamedDependency[Caller],
        data: JSONBody[AbandonSession | None] = None,
        if_match: IfMatch = None,
    ) -> Response[OnboardingSession]:
        """Abandon the session, in any step. The next POST of the session opens a new one."""
        reason = None if data is None else data.reason
        expected = entity_tags(if_match, "If-Match")
        outcome = await self.sessions.abandon(tenant_id, session_id, reason, caller.user_id, expected=expected)
        return _response(outcome)

    @post(
        f"{_ITEM}/release",
        status_code=200,
        guards=[requires(Permissions.WRITE)],
        summary="Give the edit lock back",
        operation_id="releaseSession",
        response_headers=[ETAG],
    )
    async def release_session(
        self, tenant_id: TenantId, session_id: SessionId, caller: NamedDependency[Caller], if_match: IfMatch = None
    ) -> Response[OnboardingSession]:
        """Release the caller's edit lock, so that others need not wait for its end. A free lock stays free."""
        expected = entity_tags(if_match, "If-Match")
        return _response(await self.sessions.release(tenant_id, session_id, caller.user_id, expected=expected))

    @get(
        _ITEM,
        guards=[requires(Permissions.READ)],
        summary="Get a session in any status",
        operation_id="getSessionById",
        response_headers=[ETAG],
    )
    async def get_session_by_id(self, tenant_id: TenantId, session_id: SessionId) -> Response[SessionDetails]:
        """Return the session with its times, also when it is completed or abandoned."""
        sessions = await self.database.run_single(
            lambda tx: list_sessions(tx, tenant_id, before=FIRST_PAGE, limit=1, session_id=session_id)
        )
        if not sessions:
            raise session_problem(NoSuchSession())
        body = details_body(sessions[0])
        return Response(body, headers={"ETag": body.version})

    @get(
        f"{_ITEM}/history",
        guards=[requires(Permissions.READ)],
        summary="List the history of a session, newest first",
        operation_id="listSessionHistory",
        response_headers=[LINK],
    )
    async def list_history(
        self,
        request: Request[Any, Any, Any],
        tenant_id: TenantId,
        session_id: SessionId,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[HistoryEntry]]:
        """Return one page of the changes, each with its user and time. The Link header contains the next page."""
        position = _NEWEST if cursor is None else decode_cursor(cursor, HistoryPosition)

        async def read(tx: AsyncConnection) -> list[HistoryLine]:
            if await find_session(tx, tenant_id, session_id) is None:
                raise session_problem(NoSuchSession())
            before = (position.at, position.kind, position.id)
            return await read_history(tx, tenant_id, session_id, before=before, limit=limit + 1)

        lines = await self.database.run(read)
        page = lines[:limit]
        last = page[-1] if len(lines) > limit else None
        next_position = None if last is None else HistoryPosition(last.at, last.kind, last.id)
        return Response([_entry(line) for line in page], headers=link_headers(request, self.links, next_position))


def _change(data: UpdateOnboardingSessionRequest) -> Change:
    assignee = data.assigned_to_user_id
    if isinstance(assignee, int) and not 1 <= assignee <= MAX_ID:
        raise NotFound("USER_NOT_FOUND", "The user id is out of range", extra={"field": "assigned_to_user_id"})
    chosen = data.provider_connection_id
    if isinstance(chosen, int) and not 1 <= chosen <= MAX_ID:
        raise connection_not_found()
    return Change(
        current_step=KEEP if isinstance(data.current_step, UnsetType) else data.current_step,
        assigned_to_user_id=_kept(assignee),
        provider_connection_id=_kept(chosen),
        takeover=data.takeover is True,
    )


def _kept(value: int | UnsetType | None) -> int | Keep | None:
    return KEEP if isinstance(value, UnsetType) else value


def _response(outcome: LoadedSession | SessionRefusal) -> Response[OnboardingSession]:
    if not isinstance(outcome, LoadedSession):
        raise session_problem(outcome)
    return Response(session_body(outcome), headers={"ETag": _tag(outcome)})


def _tag(loaded: LoadedSession) -> str:
    return entity_tag(loaded.session, loaded.updated_at, loaded.now)


def _entry(line: HistoryLine) -> HistoryEntry:
    return HistoryEntry(
        at=line.at,
        by_user_id=line.by_user_id,
        action=line.action,
        before=None if line.before is None else dict(line.before),
        after=None if line.after is None else dict(line.after),
    )
