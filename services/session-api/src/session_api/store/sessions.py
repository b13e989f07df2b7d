"""The SQL of sessions and their history. Callers that write hold the lock on the tenant's guard row."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import FIRST_STEP, SessionStatus
from session_api.domain.edit_lock import EditLock
from session_api.domain.history import NewHistoryEntry
from session_api.domain.sessions import Session
from session_api.store.states import OPEN_STATUSES

_COLUMNS = """id, tenant_id, status, current_step, provider_connection_id, assigned_to_user_id, locked_by_user_id,
       locked_until, updated_at"""

_FIND_OPEN = text(f"""
SELECT {_COLUMNS}, now() AS now FROM onboarding_sessions WHERE tenant_id = :tenant AND status IN {OPEN_STATUSES}
""")  # noqa: S608 - no input, only constants
_FIND = text(f"SELECT {_COLUMNS}, now() AS now FROM onboarding_sessions WHERE tenant_id = :tenant AND id = :id")  # noqa: S608 - no input, only constants
_LIST = text(f"""
SELECT {_COLUMNS}, created_at, now() AS now FROM onboarding_sessions
WHERE tenant_id = :tenant AND id < :before AND (CAST(:id AS bigint) IS NULL OR id = :id)
ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - no input, only constants
_INSERT = text(f"""
INSERT INTO onboarding_sessions (tenant_id, status, current_step, locked_by_user_id, locked_until)
VALUES (:tenant, 'draft', {FIRST_STEP}, :user, now() + CAST(:lasts AS interval))
RETURNING {_COLUMNS}, now() AS now
""")  # noqa: S608 - no input, only constants
_OPENED_WITHIN = text("""
SELECT remaining FROM (
    SELECT created_at + CAST(:period AS interval) - now() AS remaining FROM onboarding_sessions
    WHERE tenant_id = :tenant ORDER BY id DESC OFFSET :skipped LIMIT 1) AS earliest
WHERE remaining > interval '0'
""")
_UPDATE = text("""
UPDATE onboarding_sessions
SET status = :status, current_step = :step, provider_connection_id = :connection, assigned_to_user_id = :assignee,
    locked_by_user_id = :lock_user, locked_until = :lock_until, updated_at = now()
WHERE tenant_id = :tenant AND id = :id
""")
_RECORD = text("""
INSERT INTO session_history (tenant_id, session_id, by_user_id, action, before, after)
SELECT :tenant, :session, :user, action, CAST(before AS jsonb), CAST(after AS jsonb)
FROM unnest(CAST(:actions AS text[]), CAST(:befores AS text[]), CAST(:afters AS text[])) WITH ORDINALITY
     AS new (action, before, after, place)
ORDER BY place
""")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class LoadedSession:
    """A session with the time of its latest change, and the time of the database when it was read."""

    session: Session
    updated_at: datetime
    now: datetime


class DatedSession(NamedTuple):
    """A session with the time of its creation."""

    loaded: LoadedSession
    created_at: datetime


async def list_sessions(
    tx: AsyncConnection, tenant_id: int, *, before: int, limit: int, session_id: int | None = None
) -> list[DatedSession]:
    """Return up to ``limit`` sessions in any status with ids less than ``before``, newest first, or only the one."""
    values = {"tenant": tenant_id, "before": before, "limit": limit, "id": session_id}
    rows = await tx.execute(_LIST, values)
    return [DatedSession(_loaded(row), row.created_at) for row in rows]


async def find_open_session(tx: AsyncConnection, tenant_id: int) -> LoadedSession | None:
    """Return the open session of a tenant, or None. A tenant has one at most."""
    row = (await tx.execute(_FIND_OPEN, {"tenant": tenant_id})).one_or_none()
    return None if row is None else _loaded(row)


async def find_session(tx: AsyncConnection, tenant_id: int, session_id: int) -> LoadedSession | None:
    """Return a session in any status, or None if the tenant has none with this id."""
    row = (await tx.execute(_FIND, {"tenant": tenant_id, "id": session_id})).one_or_none()
    return None if row is None else _loaded(row)


async def insert_session(tx: AsyncConnection, tenant_id: int, user_id: int, lasts: timedelta) -> LoadedSession:
    """Insert a draft at the first step, locked by the user. A second open session violates a unique index."""
    row = (await tx.execute(_INSERT, {"tenant": tenant_id, "user": user_id, "lasts": lasts})).one()
    return _loaded(row)


async def opened_within(tx: AsyncConnection, tenant_id: int, count: int, period: timedelta) -> timedelta | None:
    """Time until the earliest of the last ``count`` sessions is older than ``period``; None if there are fewer."""
    values = {"tenant": tenant_id, "skipped": count - 1, "period": period}
    return (await tx.execute(_OPENED_WITHIN, values)).scalar_one_or_none()


async def save_session(tx: AsyncConnection, session: Session) -> None:
    """Update the row of the session."""
    lock = session.lock
    await tx.execute(
        _UPDATE,
        {
            "tenant": session.tenant_id,
            "id": session.id,
            "status": session.status.value,
            "step": session.current_step,
            "connection": session.provider_connection_id,
            "assignee": session.assigned_to_user_id,
            "lock_user": lock.user_id if lock else None,
            "lock_until": lock.until if lock else None,
        },
    )


async def record_history(
    tx: AsyncConnection, session: Session, user_id: int, entries: Sequence[NewHistoryEntry]
) -> None:
    """Insert history entries, in order."""
    if not entries:
        return
    await tx.execute(
        _RECORD,
        {
            "tenant": session.tenant_id,
            "session": session.id,
            "user": user_id,
            "actions": [entry.action for entry in entries],
            "befores": [_json(entry.before) for entry in entries],
            "afters": [_json(entry.after) for entry in entries],
        },
    )


def _loaded(row: Row[Any]) -> LoadedSession:
    return LoadedSession(_session(row), row.updated_at, row.now)


def _session(row: Row[Any]) -> Session:
    return Session(
        id=row.id,
        tenant_id=row.tenant_id,
        status=SessionStatus(row.status),
        current_step=row.current_step,
        provider_connection_id=row.provider_connection_id,
        assigned_to_user_id=row.assigned_to_user_id,
        lock=None if row.locked_by_user_id is None else EditLock(row.locked_by_user_id, row.locked_until),
    )


def _json(value: dict[str, Any] | None) -> str | None:
    return None if value is None else _encode(value).decode()
