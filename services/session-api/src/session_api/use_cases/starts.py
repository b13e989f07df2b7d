"""Task starts. Concurrent starts are decided and written in one transaction (group commit)."""

from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import islice

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.session_api import StartTask, TaskConnection
from onboarding_shared.contracts.types import SessionStatus
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database, after_commit
from onboarding_shared.postgres.group_commit import GroupCommit
from session_api.domain.connections import ConnectionRefusal
from session_api.domain.guard import ActiveRun, Blocked, Created
from session_api.domain.inputs import InputsRefusal
from session_api.domain.quotas import Quotas, TooManyRuns
from session_api.domain.starting import (
    KnownConnection,
    Plan,
    Planned,
    Start,
    StartContext,
    UnknownTaskType,
    plan,
    retry_after,
)
from session_api.metrics import STARTS
from session_api.store.starts import Inserted, RunKey, begin_sessions, insert_runs, load_start_context, lock_tenants
from session_api.use_cases.idempotency import IdempotencyKeys, Once
from session_api.use_cases.inputs import check_inputs

INPUTS_BYTES_OF_A_START = 256
"""Inputs of this length make about as much work as a start without any."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The start is accepted; ``created`` is False if the run was active already."""

    run_id: int
    created: bool


@dataclass(frozen=True, slots=True)
class BlockedBy:
    """``run`` must end first; retry after ``retry_seconds``."""

    run: ActiveRun
    retry_seconds: int


StartAnswer = Accepted | BlockedBy | UnknownTaskType | ConnectionRefusal | InputsRefusal | TooManyRuns


@dataclass(frozen=True, slots=True)
class StartRequest:
    """Starts that are decided together, at least one. Those of several tenants take the turn of the first."""

    starts: Sequence[Start]
    once: Once[Sequence[StartAnswer]] | None


class Starts:
    """Starts tasks, subject to the concurrency guard."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        silence_seconds: float,
        quotas: Quotas,
        keys: IdempotencyKeys,
        run_keys: RunKeys,
    ) -> None:
        """``silence_seconds`` is the timeout after which the command of a run without messages is sent again."""
        self._outbox = outbox
        self._run_keys = run_keys
        self._silence_seconds = silence_seconds
        self._quotas = quotas
        self._keys = keys
        self._commits: GroupCommit[StartRequest, Sequence[StartAnswer]] = GroupCommit(
            database, self._take, owner=lambda request: request.starts[0].tenant_id, weight=weight
        )

    async def start(self, start: Start) -> StartAnswer:
        """Decide one start. A created run is committed together with its command."""
        [answer] = await self.start_all([start])
        return answer

    def start_all(
        self, starts: Sequence[Start], once: Once[Sequence[StartAnswer]] | None = None
    ) -> Awaitable[Sequence[StartAnswer]]:
        """Decide several starts in order, at least one, in one transaction. Return one answer per start.

        Raises ``AnsweredBefore``, ``KeyOfAnother`` or ``KeyInProgress`` because of the key of ``once``.
        """
        return self._commits.submit(StartRequest(starts, once))

    async def start_within(self, tx: AsyncConnection, start: Start) -> StartAnswer:
        """Decide one start in the transaction of a change that causes it."""
        [answer] = await self._decide(tx, [start])
        return answer

    async def settle(self) -> None:
        """Wait until all pending starts are committed."""
        await self._commits.settle()

    async def _take(
        self, tx: AsyncConnection, requests: Sequence[StartRequest]
    ) -> Sequence[Sequence[StartAnswer] | Exception]:
        keyed = [place for place, request in enumerate(requests) if request.once is not None]
        looked_up = await self._keys.look(tx, [once.request for request in requests if (once := request.once)])
        reasons = dict(zip(keyed, looked_up, strict=True))
        wanted = [request for place, request in enumerate(requests) if reasons.get(place) is None]
        answers = iter(await self._decide(tx, [start for request in wanted for start in request.starts]))
        outcomes: list[Sequence[StartAnswer] | Exception] = []
        kept: list[tuple[Once[Sequence[StartAnswer]], Sequence[StartAnswer]]] = []
        for place, request in enumerate(requests):
            if (reason := reasons.get(place)) is not None:
                outcomes.append(reason)
                continue
            decided = list(islice(answers, len(request.starts)))
            outcomes.append(decided)
            if request.once is not None:
                kept.append((request.once, decided))
        await self._keys.keep(tx, kept)
        return outcomes

    async def _decide(self, tx: AsyncConnection, starts: Sequence[Start]) -> list[StartAnswer]:
        if not starts:
            return []
        await lock_tenants(tx, [start.tenant_id for start in starts])
        context = await load_start_context(tx, starts)
        plans = plan(starts, context, check_inputs, self._quotas)
        created = [
            (start, planned)
            for start, planned in zip(starts, plans, strict=True)
            if isinstance(planned, Planned) and isinstance(planned.decision, Created)
        ]
        inserted: Mapping[RunKey, Inserted] = {}
        if created:
            inserted = await insert_runs(tx, created, self._silence_seconds)
            drafts = _drafts(created)
            if drafts:
                await begin_sessions(tx, drafts)
            commands = [_command(start, planned, inserted, self._run_keys) for start, planned in created]
            await self._outbox.append(tx, commands)
        answers = [_answer(start, planned, context, inserted) for start, planned in zip(starts, plans, strict=True)]
        after_commit(tx, partial(_count, answers))
        return answers


def weight(request: StartRequest) -> int:
    """The work of a request: its starts, and each 256 bytes of their inputs, which are checked and compared."""
    total = len(request.starts)
    for start in request.starts:
        if start.inputs:
            total += len(msgspec.json.encode(start.inputs)) // INPUTS_BYTES_OF_A_START
    return total


def _count(answers: Sequence[StartAnswer]) -> None:
    """Count committed starts by outcome."""
    outcomes = Counter(
        [
            ("created" if answer.created else "reused")
            if isinstance(answer, Accepted)
            else ("blocked" if isinstance(answer, BlockedBy) else "refused")
            for answer in answers
        ]
    )
    for outcome, number in outcomes.items():
        STARTS.labels(outcome).inc(number)


def _drafts(created: Sequence[tuple[Start, Planned]]) -> dict[tuple[int, int], int]:
    drafts: dict[tuple[int, int], int] = {}
    for start, planned in created:
        session = planned.session
        if session is not None and session.status is SessionStatus.DRAFT:
            drafts.setdefault((session.tenant_id, session.id), start.user_id)
    return drafts


def _command(start: Start, planned: Planned, inserted: Mapping[RunKey, Inserted], run_keys: RunKeys) -> Outgoing:
    run = inserted[_key(start, planned.decision.run)]
    command = StartTask(
        tenant_id=start.tenant_id,
        run_id=run.run_id,
        task_type=start.task_type,
        session_id=planned.session.id if planned.session else None,
        connection=None if planned.connection is None else _command_connection(planned.connection),
        requested_by=start.user_id,
        requested_at=run.created_at,
        inputs=None if planned.inputs is None else dict(planned.inputs),
        dry_run=start.dry_run,
        previously_ok=run.previously_ok,
        run_key=run_keys.key_of(start.tenant_id, run.run_id),
    )
    return Outgoing(command, traceparent=start.traceparent)


def _command_connection(connection: KnownConnection) -> TaskConnection:
    """Return the connection for the StartTask command."""
    return TaskConnection(
        id=connection.id,
        provider=connection.provider,
        external_tenant_id=connection.external_tenant_id,
        client_id=connection.client_id,
        credential_ref=connection.credential_ref,
        cloud=connection.cloud,
    )


def _answer(start: Start, planned: Plan, context: StartContext, inserted: Mapping[RunKey, Inserted]) -> StartAnswer:
    if not isinstance(planned, Planned):
        return planned
    decision = planned.decision
    if isinstance(decision, Created):
        return Accepted(inserted[_key(start, decision.run)].run_id, created=True)
    run_id, since = _identified(start, decision.run, inserted)
    if isinstance(decision, Blocked):
        blocked = replace(decision, run=replace(decision.run, run_id=run_id, since=since))
        return BlockedBy(blocked.run, retry_after(blocked, context))
    return Accepted(run_id, created=False)


def _identified(start: Start, run: ActiveRun, inserted: Mapping[RunKey, Inserted]) -> tuple[int, datetime]:
    """Return id and creation time of a run that existed before, or that this batch inserted."""
    if run.run_id is not None and run.since is not None:
        return run.run_id, run.since
    new = inserted[_key(start, run)]
    return new.run_id, new.created_at


def _key(start: Start, run: ActiveRun) -> RunKey:
    return start.tenant_id, run.scope_key, run.task_type
