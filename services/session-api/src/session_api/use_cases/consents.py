"""Consent by link: the request, and the answer that a browser brings back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.audit import ConsentLinkCreated
from onboarding_shared.contracts.session_api import ConsentAnswered, ConsentRequested, ResumeTask
from onboarding_shared.contracts.types import ConsentClaim, RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from session_api.domain.connections import ConnectionRefusal, Usable, choose_connection
from session_api.domain.consent import (
    CONSENT_TASK,
    MAX_OPEN,
    ConsentAnswer,
    ConsentRequest,
    ConsentState,
    Judgement,
    TooManyOpen,
    judge,
)
from session_api.domain.history import HistoryAction, NewHistoryEntry
from session_api.domain.sessions import Session
from session_api.domain.starting import KnownConnection, Start
from session_api.store.connections import known_connections
from session_api.store.consents import (
    LoadedConsent,
    NewConsentRequest,
    count_open,
    find_of_link,
    insert_consent,
    save_answer,
)
from session_api.store.runs import bring_forward, find_run
from session_api.store.sessions import find_open_session, record_history
from session_api.store.starts import lock_tenants
from session_api.use_cases.idempotency import IdempotencyKeys, Once
from session_api.use_cases.starts import Accepted, Starts


@dataclass(frozen=True, slots=True)
class CreatedConsent:
    """A new request with its connection, and the secret of its link, which is nowhere else."""

    loaded: LoadedConsent
    connection: KnownConnection
    secret: str


class NoConnection:
    """The tenant has no enabled provider connection."""


ConsentRefusal = ConnectionRefusal | NoConnection | TooManyOpen


class Consents:
    """Makes consent requests and takes their answers; each is one transaction."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        starts: Starts,
        *,
        lasts: timedelta,
        silence_seconds: float,
        keys: IdempotencyKeys,
    ) -> None:
        """``lasts``: how long a link can be answered."""
        self._database = database
        self._outbox = outbox
        self._starts = starts
        self._lasts = lasts
        self._silence_seconds = silence_seconds
        self._keys = keys

    async def create(
        self,
        tenant_id: int,
        user_id: int,
        wanted: int | None,
        secret: str,
        once: Once[CreatedConsent | ConsentRefusal] | None = None,
    ) -> CreatedConsent | ConsentRefusal:
        """Create a request for the wanted connection, else the open session's, else the only enabled one.

        ``secret`` is that of its link: 256 bits made by chance, of which the hash is stored.
        """

        async def work(tx: AsyncConnection) -> CreatedConsent | ConsentRefusal:
            await lock_tenants(tx, [tenant_id])
            opened = await find_open_session(tx, tenant_id)
            session = None if opened is None else opened.session
            connection = await _connection(tx, tenant_id, wanted, session)
            if not isinstance(connection, KnownConnection):
                return connection
            repeated = await find_of_link(tx, _hash(secret))
            if repeated is not None:
                return CreatedConsent(repeated, connection, secret)
            open_requests = await count_open(tx, tenant_id)
            if open_requests.count >= MAX_OPEN:
                return TooManyOpen(open_requests.first_expires_in)
            new = NewConsentRequest(
                state_hash=_hash(secret),
                session_id=None if session is None else session.id,
                provider_connection_id=connection.id,
                external_tenant_id=connection.external_tenant_id,
                lasts=self._lasts,
            )
            loaded = await insert_consent(tx, tenant_id, user_id, new)
            messages = [_link_created(loaded.request)]
            if session is not None:
                messages.append(await self._announce(tx, session, loaded.request))
            await self._outbox.append(tx, messages)
            return CreatedConsent(loaded, connection, secret)

        return await self._database.run(lambda tx: self._keys.run(tx, once, lambda: work(tx)))

    async def answer(self, secret: str, answer: ConsentAnswer) -> ConsentState | None:
        """Take an answer. A reported consent starts its check, or resumes the check that is active already.

        Returns what the answer claims, ``expired`` for a link whose time is over, None for an unknown link.
        """
        state_hash = _hash(secret)

        async def work(tx: AsyncConnection) -> ConsentState | None:
            linked = await find_of_link(tx, state_hash)
            if linked is None:
                return None
            await lock_tenants(tx, [linked.request.tenant_id])
            current = await find_of_link(tx, state_hash)
            if current is None:
                return None
            judgement = judge(current.request, answer, current.now)
            if judgement.state is not current.request.state:
                await self._record(tx, current, judgement)
            return judgement.claimed

        return await self._database.run(work)

    async def _announce(self, tx: AsyncConnection, session: Session, request: ConsentRequest) -> Outgoing:
        """Record the link in the history of the session; returns the event to publish."""
        about = {"consent_request_id": request.id, "provider_connection_id": request.provider_connection_id}
        entry = NewHistoryEntry(HistoryAction.CONSENT_REQUESTED, after={**about, "expires_at": request.expires_at})
        await record_history(tx, session, request.created_by_user_id, [entry])
        event = ConsentRequested(
            tenant_id=request.tenant_id,
            session_id=session.id,
            by_user_id=request.created_by_user_id,
            expires_at=request.expires_at,
            **about,
        )
        return Outgoing(event, traceparent=current_traceparent())

    async def _record(self, tx: AsyncConnection, loaded: LoadedConsent, judgement: Judgement) -> None:
        """Runs are locked before the request, as the projection does."""
        request, run_id = loaded.request, None
        messages: list[Outgoing] = []
        if judgement.state is ConsentState.REPORTED:
            run_id, messages = await self._check(tx, loaded)
        if await save_answer(tx, request, judgement.state, run_id):
            messages += await self._answered(tx, request, judgement.state)
        await self._outbox.append(tx, messages)

    async def _check(self, tx: AsyncConnection, loaded: LoadedConsent) -> tuple[int | None, list[Outgoing]]:
        """Start the check, or resume an active one. A start that is refused or blocked leaves it to the user."""
        request, trace = loaded.request, current_traceparent()
        start = Start(
            tenant_id=request.tenant_id,
            task_type=CONSENT_TASK,
            connection_id=request.provider_connection_id,
            user_id=request.created_by_user_id,
            traceparent=trace,
        )
        started = await self._starts.start_within(tx, start)
        if not isinstance(started, Accepted):
            return None, []
        run = None if started.created else await find_run(tx, request.tenant_id, started.run_id, lock=True)
        if run is not None and run.state is RunState.WAITING:
            await bring_forward(tx, request.tenant_id, run.id, self._silence_seconds)
        # A new run gets the command too: Microsoft shows the consent after seconds, so its first wait must be short.
        command = ResumeTask(
            tenant_id=request.tenant_id,
            run_id=started.run_id,
            requested_by=request.created_by_user_id,
            requested_at=loaded.now,
        )
        return started.run_id, [Outgoing(command, traceparent=trace)]

    async def _answered(self, tx: AsyncConnection, request: ConsentRequest, state: ConsentState) -> Sequence[Outgoing]:
        """Record an answer in the request's session, if that is still open; returns the event to publish."""
        opened = await find_open_session(tx, request.tenant_id)
        if opened is None or opened.session.id != request.session_id:
            return []
        after = {"consent_request_id": request.id, "state": state}
        entry = NewHistoryEntry(HistoryAction.CONSENT_ANSWERED, before={"state": request.state}, after=after)
        await record_history(tx, opened.session, request.created_by_user_id, [entry])
        event = ConsentAnswered(
            tenant_id=request.tenant_id,
            session_id=opened.session.id,
            by_user_id=request.created_by_user_id,
            consent_request_id=request.id,
            provider_connection_id=request.provider_connection_id,
            state=ConsentClaim(state.value),
        )
        return [Outgoing(event, traceparent=current_traceparent())]


def _link_created(request: ConsentRequest) -> Outgoing:
    event = ConsentLinkCreated(
        tenant_id=request.tenant_id,
        by_user_id=request.created_by_user_id,
        occurred_at=request.created_at,
        consent_request_id=request.id,
        provider_connection_id=request.provider_connection_id,
        session_id=request.session_id,
        expires_at=request.expires_at,
    )
    return Outgoing(event, traceparent=current_traceparent())


async def _connection(
    tx: AsyncConnection, tenant_id: int, wanted: int | None, session: Session | None
) -> KnownConnection | ConnectionRefusal | NoConnection:
    connections = {known.id: known for known in await known_connections(tx, tenant_id, wanted)}
    choice = choose_connection(
        wanted,
        None if session is None else session.provider_connection_id,
        enabled=[known.id for known in connections.values() if not known.disabled and known.bound],
        disabled=[known.id for known in connections.values() if known.disabled],
        unbound=[known.id for known in connections.values() if not known.disabled and not known.bound],
    )
    if not isinstance(choice, Usable):
        return choice
    return NoConnection() if choice.connection_id is None else connections[choice.connection_id]


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
