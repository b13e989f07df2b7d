"""What may be done to sessions: each deed is one transaction of change, history and events."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from session_api.domain.connections import NotUsable
from session_api.domain.readiness import TaskStanding
from session_api.domain.sessions import (
    Change,
    Keep,
    Outcome,
    Refusal,
    Session,
    abandon,
    change,
    complete,
    resume,
    started,
)
from session_api.store.connections import is_enabled
from session_api.store.sessions import (
    Found,
    find_open_session,
    find_session,
    insert_session,
    record_history,
    save_session,
)
from session_api.store.starts import lock_tenants
from session_api.store.task_types import summarize_tasks


class NoSuchSession:
    """This tenant has no session of that id."""


Done = tuple[Session, datetime]
"""The session as it is now, and the database's clock."""
Refused = Refusal | NotUsable | NoSuchSession
Rule = Callable[[AsyncConnection, Found], Awaitable[Outcome | Refusal | NotUsable]]


class Sessions:
    """The entrance for every change of a session."""

    def __init__(self, database: Database, outbox: Outbox, *, lock_lasts: timedelta) -> None:
        """``lock_lasts``: how long an edit lock holds after its last use."""
        self._database = database
        self._outbox = outbox
        self._lasts = lock_lasts

    async def current(self, tenant_id: int) -> Done | None:
        """The open session."""
        found = await self._database.run_single(lambda tx: find_open_session(tx, tenant_id))
        return None if found is None else (found.session, found.now)

    async def open(self, tenant_id: int, user_id: int) -> Done:
        """Create the tenant's session or resume the open one; its edit lock goes to the caller where it is free."""

        async def work(tx: AsyncConnection) -> Done:
            await lock_tenants(tx, [tenant_id])
            found = await find_open_session(tx, tenant_id)
            if found is None:
                found = await insert_session(tx, tenant_id, user_id, self._lasts)
                return await self._write(tx, found, started(found.session, user_id), user_id)
            outcome = resume(found.session, user_id, found.now, self._lasts)
            return await self._write(tx, found, outcome, user_id)

        return await self._database.run(work)

    async def change(self, tenant_id: int, session_id: int, wanted: Change, user_id: int) -> Done | Refused:
        """Change the session under its edit lock."""

        async def rule(tx: AsyncConnection, found: Found) -> Outcome | Refusal | NotUsable:
            forward = not isinstance(wanted.current_step, Keep) and wanted.current_step > found.session.current_step
            standings = await _standings(tx, tenant_id) if forward else []
            outcome = change(found.session, wanted, user_id, found.now, self._lasts, standings)
            chosen = wanted.provider_connection_id
            if isinstance(outcome, Outcome) and not isinstance(chosen, Keep) and chosen is not None:
                enabled = await is_enabled(tx, tenant_id, chosen)
                if not enabled and chosen != found.session.provider_connection_id:
                    return NotUsable(chosen, disabled=enabled is not None)
            return outcome

        return await self._apply(tenant_id, session_id, user_id, rule)

    async def complete(self, tenant_id: int, session_id: int, user_id: int) -> Done | Refused:
        """End the session well."""

        async def rule(tx: AsyncConnection, found: Found) -> Outcome | Refusal:
            standings = await _standings(tx, tenant_id)
            return complete(found.session, user_id, found.now, self._lasts, standings)

        return await self._apply(tenant_id, session_id, user_id, rule)

    async def abandon(self, tenant_id: int, session_id: int, reason: str | None, user_id: int) -> Done | Refused:
        """Give the session up."""

        async def rule(_: AsyncConnection, found: Found) -> Outcome | Refusal:
            return abandon(found.session, reason, user_id, found.now, self._lasts)

        return await self._apply(tenant_id, session_id, user_id, rule)

    async def _apply(self, tenant_id: int, session_id: int, user_id: int, rule: Rule) -> Done | Refused:
        async def work(tx: AsyncConnection) -> Done | Refused:
            await lock_tenants(tx, [tenant_id])
            found = await find_session(tx, tenant_id, session_id)
            if found is None:
                return NoSuchSession()
            outcome = await rule(tx, found)
            if not isinstance(outcome, Outcome):
                return outcome
            return await self._write(tx, found, outcome, user_id)

        return await self._database.run(work)

    async def _write(self, tx: AsyncConnection, found: Found, outcome: Outcome, user_id: int) -> Done:
        if outcome.session != found.session:
            await save_session(tx, outcome.session)
        await record_history(tx, outcome.session, user_id, outcome.history)
        trace = current_traceparent()
        await self._outbox.append(tx, [Outgoing(event, traceparent=trace) for event in outcome.events])
        return outcome.session, found.now


async def _standings(tx: AsyncConnection, tenant_id: int) -> list[TaskStanding]:
    return [summary.standing for summary in await summarize_tasks(tx, tenant_id)]
