"""Sessions: open, look, change, end, and what was done to them."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, Response, get, patch, post
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody
from msgspec import UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.errors import NotFound
from onboarding_shared.web.identity import Caller, Permissions, authorize, requires
from session_api.domain.edit_lock import held
from session_api.domain.sessions import KEEP, Change, Keep
from session_api.routes.links import Links
from session_api.routes.paging import DEFAULT_LIMIT, Cursor, Limit, decode_cursor, link_headers
from session_api.routes.problems import connection_not_found, session_problem
from session_api.routes.session_bodies import (
    AbandonSession,
    HistoryEntry,
    OnboardingSession,
    OnboardingSessionResponse,
    UpdateOnboardingSessionRequest,
)
from session_api.store.history import HistoryLine, read_history
from session_api.store.sessions import find_session
from session_api.use_cases.sessions import Done, NoSuchSession, Refused, Sessions

_SESSION = "/tenants/{tenant_id:int}/onboarding/session"
_ONE = f"{_SESSION}/{{session_id:int}}"


class HistoryPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page holds what happened before."""

    at: datetime
    kind: int
    id: int


_NEWEST = HistoryPosition(datetime(9999, 1, 1, tzinfo=UTC), 0, 0)


def session_routes(sessions: Sessions, database: Database, links: Links) -> list[HTTPRouteHandler]:
    """The handlers of everything under ``/session``."""

    @get(_SESSION, guards=[requires(Permissions.READ)], summary="Get current onboarding session (or null)")
    async def get_session(tenant_id: FromPath[int]) -> OnboardingSessionResponse:
        found = await sessions.current(tenant_id)
        return OnboardingSessionResponse(session=None if found is None else _body(found))

    @post(_SESSION, guards=[requires(Permissions.WRITE)], summary="Create (or resume) onboarding session")
    async def open_session(tenant_id: FromPath[int], caller: NamedDependency[Caller]) -> Response[OnboardingSession]:
        done = await sessions.open(tenant_id, caller.user_id)
        return Response(_body(done), headers={"Location": links.session(tenant_id)})

    @patch(_ONE, guards=[requires(Permissions.WRITE)], summary="Update onboarding session (step, assignment, handoff)")
    async def update_session(
        tenant_id: FromPath[int],
        session_id: FromPath[int],
        data: JSONBody[UpdateOnboardingSessionRequest],
        caller: NamedDependency[Caller],
    ) -> OnboardingSession:
        if data.takeover is True:
            authorize(caller, tenant_id, Permissions.TAKEOVER)
        return _answer(await sessions.change(tenant_id, session_id, _change(data), caller.user_id))

    @post(
        f"{_ONE}/complete", status_code=200, guards=[requires(Permissions.WRITE)], summary="Complete onboarding session"
    )
    async def complete_session(
        tenant_id: FromPath[int], session_id: FromPath[int], caller: NamedDependency[Caller]
    ) -> OnboardingSession:
        return _answer(await sessions.complete(tenant_id, session_id, caller.user_id))

    @post(
        f"{_ONE}/abandon", status_code=200, guards=[requires(Permissions.WRITE)], summary="Abandon onboarding session"
    )
    async def abandon_session(
        tenant_id: FromPath[int],
        session_id: FromPath[int],
        caller: NamedDependency[Caller],
        data: JSONBody[AbandonSession | None] = None,
    ) -> OnboardingSession:
        reason = None if data is None else data.reason
        return _answer(await sessions.abandon(tenant_id, session_id, reason, caller.user_id))

    @get(f"{_ONE}/history", guards=[requires(Permissions.READ)], summary="List what was done to a session")
    async def list_history(
        request: Request[Any, Any, Any],
        tenant_id: FromPath[int],
        session_id: FromPath[int],
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
    ) -> Response[list[HistoryEntry]]:
        position = _NEWEST if cursor is None else decode_cursor(cursor, HistoryPosition)

        async def read(tx: AsyncConnection) -> list[HistoryLine]:
            if await find_session(tx, tenant_id, session_id) is None:
                raise session_problem(NoSuchSession())
            before = (position.at, position.kind, position.id)
            return await read_history(tx, tenant_id, session_id, before=before, limit=limit + 1)

        lines = await database.run(read)
        page = lines[:limit]
        last = page[-1] if len(lines) > limit else None
        follows = None if last is None else HistoryPosition(last.at, last.kind, last.id)
        return Response([_entry(line) for line in page], headers=link_headers(request, links, follows))

    return [get_session, open_session, update_session, complete_session, abandon_session, list_history]


def _change(data: UpdateOnboardingSessionRequest) -> Change:
    assignee = data.assigned_to_user_id
    if isinstance(assignee, int) and not 1 <= assignee <= MAX_ID:
        raise NotFound("USER_NOT_FOUND", "There is no such user", extra={"field": "assigned_to_user_id"})
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


def _answer(done: Done | Refused) -> OnboardingSession:
    if isinstance(done, tuple):
        return _body(done)
    raise session_problem(done)


def _body(done: Done) -> OnboardingSession:
    session, now = done
    lock = held(session.lock, now)
    return OnboardingSession(
        id=session.id,
        tenant_id=session.tenant_id,
        provider_connection_id=session.provider_connection_id,
        status=session.status,
        current_step=session.current_step,
        assigned_to_user_id=session.assigned_to_user_id,
        locked_by_user_id=None if lock is None else lock.user_id,
        locked_until=None if lock is None else lock.until,
    )


def _entry(line: HistoryLine) -> HistoryEntry:
    return HistoryEntry(
        at=line.at,
        by_user_id=line.by_user_id,
        action=line.action,
        before=None if line.before is None else dict(line.before),
        after=None if line.after is None else dict(line.after),
    )
