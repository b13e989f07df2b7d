"""Changes of sessions. Session, history and events are written in one transaction."""

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from session_api.domain.connections import NotUsable
from session_api.domain.edit_lock import EditLock
from session_api.domain.entity_tags import SessionChanged, entity_tag, matches
from session_api.domain.lock_events import lock_event
from session_api.domain.quotas import Quotas, TooManySessions
from session_api.domain.readiness import TaskReadiness
from session_api.domain.sessions import (
    Change,
    ChangeRefusal,
    Keep,
    SessionUpdate,
    abandon,
    change,
    complete,
    release,
    resume,
    started,
)
from session_api.store.connections import is_enabled
from session_api.store.sessions import (
    LoadedSession,
    find_open_session,
    find_session,
    insert_session,
    opened_within,
    record_history,
    save_session,
)
from session_api.store.starts import lock_tenants
from session_api.store.task_types import summarize_tasks
from session_api.use_cases.idempotency import IdempotencyKeys, Once

DAY = timedelta(days=1)


class NoSuchSession:
    """The tenant has no session with this id."""


SessionRefusal = ChangeRefusal | NotUsable | NoSuchSession | SessionChanged
Expected = Collection[str] | None
"""Entity tags of which the session must have one; None = no condition."""
Rule = Callable[[AsyncConnection, LoadedSession], Awaitable[SessionUpdate | ChangeRefusal | NotUsable]]


class Sessions:
    """The changes of sessions, each in one transaction."""

    def __init__(
        self, database: Database, outbox: Outbox, *, lock_lasts: timedelta, quotas: Quotas, keys: IdempotencyKeys
    ) -> None:
        """``lock_lasts`` is the time from the last use of an edit lock to its expiry."""
        self._database = database
        self._outbox = outbox
        self._lasts = lock_lasts
        self._quotas = quotas
        self._keys = keys

    async def current(self, tenant_id: int) -> LoadedSession | None:
        """Return the tenant's open session, or None."""
        return await self._database.run_single(lambda tx: find_open_session(tx, tenant_id))

    async def open(
        self, tenant_id: int, user_id: int, once: Once[LoadedSession | TooManySessions] | None = None
    ) -> LoadedSession | TooManySessions:
        """Create a session, or resume the open one. Acquire its edit lock if it is free."""

        async def work(tx: AsyncConnection) -> LoadedSession | TooManySessions:
            await lock_tenants(tx, [tenant_id])
            loaded = await find_open_session(tx, tenant_id)
            if loaded is None:
                refusal = await self._too_many(tx, tenant_id)
                if refusal is not None:
                    return refusal
                loaded = await insert_session(tx, tenant_id, user_id, self._lasts)
                return await self._write(tx, loaded, started(loaded.session, user_id), user_id, before=None)
            update = resume(loaded.session, user_id, loaded.now, self._lasts)
            return await self._write(tx, loaded, update, user_id, before=loaded.session.lock)

        return await self._database.run(lambda tx: self._keys.run(tx, once, lambda: work(tx)))

    async def change(
        self, tenant_id: int, session_id: int, wanted: Change, user_id: int, *, expected: Expected = None
    ) -> LoadedSession | SessionRefusal:
        """Change the session under its edit lock."""

        async def rule(tx: AsyncConnection, loaded: LoadedSession) -> SessionUpdate | ChangeRefusal | NotUsable:
            forward = not isinstance(wanted.current_step, Keep) and wanted.current_step > loaded.session.current_step
            chosen = wanted.provider_connection_id
            judged_by = loaded.session.provider_connection_id if isinstance(chosen, Keep) else chosen
            tasks = await _readiness(tx, tenant_id, judged_by) if forward else []
            update = change(loaded.session, wanted, user_id, loaded.now, self._lasts, tasks)
            if isinstance(update, SessionUpdate) and not isinstance(chosen, Keep) and chosen is not None:
                enabled = await is_enabled(tx, tenant_id, chosen)
                if not enabled and chosen != loaded.session.provider_connection_id:
                    return NotUsable(chosen, disabled=enabled is not None)
            return update

        return await self._apply(tenant_id, session_id, user_id, rule, expected)

    async def complete(
        self, tenant_id: int, session_id: int, user_id: int, *, expected: Expected = None
    ) -> LoadedSession | SessionRefusal:
        """Complete the session."""

        async def rule(tx: AsyncConnection, loaded: LoadedSession) -> SessionUpdate | ChangeRefusal:
            tasks = await _readiness(tx, tenant_id, loaded.session.provider_connection_id)
            return complete(loaded.session, user_id, loaded.now, self._lasts, tasks)

        return await self._apply(tenant_id, session_id, user_id, rule, expected)

    async def abandon(
        self, tenant_id: int, session_id: int, reason: str | None, user_id: int, *, expected: Expected = None
    ) -> LoadedSession | SessionRefusal:
        """Abandon the session."""

        async def rule(_: AsyncConnection, loaded: LoadedSession) -> SessionUpdate | ChangeRefusal:
            return abandon(loaded.session, reason, user_id, loaded.now, self._lasts)

        return await self._apply(tenant_id, session_id, user_id, rule, expected)

    async def release(
        self, tenant_id: int, session_id: int, user_id: int, *, expected: Expected = None
    ) -> LoadedSession | SessionRefusal:
        """Give the edit lock of the session back."""

        async def rule(_: AsyncConnection, loaded: LoadedSession) -> SessionUpdate | ChangeRefusal:
            return release(loaded.session, user_id, loaded.now, self._lasts)

        return await self._apply(tenant_id, session_id, user_id, rule, expected)

    async def _too_many(self, tx: AsyncConnection, tenant_id: int) -> TooManySessions | None:
        most = self._quotas.sessions_per_day
        remaining = await opened_within(tx, tenant_id, most, DAY) if most else None
        return None if remaining is None else TooManySessions(most, remaining)

    async def _apply(
        self, tenant_id: int, session_id: int, user_id: int, rule: Rule, expected: Expected
    ) -> LoadedSession | SessionRefusal:
        async def work(tx: AsyncConnection) -> LoadedSession | SessionRefusal:
            await lock_tenants(tx, [tenant_id])
            loaded = await find_session(tx, tenant_id, session_id)
            if loaded is None:
                return NoSuchSession()
            current = entity_tag(loaded.session, loaded.updated_at, loaded.now)
            if not matches(expected, current):
                return SessionChanged(current)
            update = await rule(tx, loaded)
            if not isinstance(update, SessionUpdate):
                return update
            return await self._write(tx, loaded, update, user_id, before=loaded.session.lock)

        return await self._database.run(work)

    async def _write(
        self,
        tx: AsyncConnection,
        loaded: LoadedSession,
        update: SessionUpdate,
        user_id: int,
        *,
        before: EditLock | None,
    ) -> LoadedSession:
        """Write the update, and what became of the edit lock that was there ``before``."""
        updated_at = loaded.updated_at
        if update.session != loaded.session:
            await save_session(tx, update.session)
            updated_at = loaded.now
        await record_history(tx, update.session, user_id, update.history)
        trace = current_traceparent()
        lock = lock_event(before, update.session, user_id, loaded.now)
        events = [*update.events, *([] if lock is None else [lock])]
        await self._outbox.append(tx, [Outgoing(event, traceparent=trace) for event in events])
        return LoadedSession(update.session, updated_at, loaded.now)


async def _readiness(tx: AsyncConnection, tenant_id: int, connection_id: int | None) -> list[TaskReadiness]:
    return [summary.readiness for summary in await summarize_tasks(tx, tenant_id, connection_id)]
