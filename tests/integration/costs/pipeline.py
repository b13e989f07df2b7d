"""A batch of runs through all three services; the test moves the messages from outbox to inbox, without a broker."""

import asyncio
import itertools
import time
from collections.abc import Sequence

from aiokafka import ConsumerRecord

from evidence_store.app import EvidenceStore
from evidence_store.use_cases.recording import Recording
from onboarding_shared.contracts.cloudevents import encode_headers
from onboarding_shared.contracts.topics import EVIDENCE, OPERATION_RUNS, SOURCES, TASK_COMMANDS
from onboarding_shared.contracts.types import CheckStatus
from onboarding_shared.messaging.inbox import Inbox
from onboarding_shared.messaging.outbox_rows import OutboxRow, OutboxRows
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.messaging.unpublished import Unpublished
from onboarding_shared.postgres.database import Database
from session_api.app import SessionApi
from session_api.consumers import applies
from session_api.domain.starting import Start
from session_api.use_cases.catalogue import Catalogue
from session_api.use_cases.projection import Projection
from session_api.use_cases.starts import Accepted
from task_runner.app import TaskRunner
from task_runner.domain.outcomes import Succeed
from task_runner.store.rows import Claim
from task_runner.store.settling import Settled, Settlement
from task_runner.tasks import Task
from task_runner.use_cases.confirmations import apply_confirmations
from task_runner.use_cases.first_claims import FirstClaims
from task_runner.use_cases.intake import CommandIntake
from task_runner.worker.slots import ReservedSlots, Slots

Records = Sequence[ConsumerRecord[bytes, bytes]]


class Carrier:
    """Takes the place of a service's relay: its rows go to a list instead of to Kafka.

    Its clock stands still, so it polls once. What it has carried is deleted when it is told to.
    """

    def __init__(self, database: Database, relay: Relay) -> None:
        self._rows = OutboxRows(database, holder="carrier")
        self._token: int | None = None
        self._unpublished = relay.unpublished = Unpublished(self._rows, clock=lambda: 0.0)

    async def begin(self) -> None:
        """Take the relay's lease, and look for rows of other instances."""
        self._token = await self._rows.take_lease(600.0, None)
        assert not await self._unpublished.next()

    async def carry(self) -> Records:
        """Everything in the outbox, as one batch."""
        rows = await self._unpublished.next()
        self._unpublished.published(rows)
        return [_record(offset, row) for offset, row in enumerate(rows)]

    async def delete(self) -> None:
        """Delete what was carried, as relays do later, of many batches at once."""
        assert await self._unpublished.delete_all(self._token)


def _record(offset: int, row: OutboxRow) -> ConsumerRecord[bytes, bytes]:
    headers = encode_headers(
        message_id=str(row.message_id), source=SOURCES[row.topic], event_type=row.event_type, time=row.created_at,
        subject=row.subject, tenant_id=row.tenant_id, sequence=row.sequence, traceparent=row.traceparent,
    )  # fmt: skip
    return ConsumerRecord(
        topic=row.topic, partition=0, offset=offset, timestamp=0, timestamp_type=0, key=str(row.tenant_id).encode(),
        value=row.data, checksum=None, serialized_key_size=0, serialized_value_size=0, headers=tuple(headers),
    )  # fmt: skip


WINDOW = 1000


class Pipeline:
    """Three services on databases of their own; each step processes the entire batch."""

    def __init__(self, api: SessionApi, runner: TaskRunner, store: EvidenceStore, task: Task) -> None:
        self.databases = (api.database, runner.database, store.database)
        self._api, self._runner, self._task = api, runner, task
        self._tenants = itertools.count(1)
        self._carriers = [Carrier(service.database, service.relay) for service in (api, runner, store)]
        self._claimed: list[Claim] = []
        first_claims = FirstClaims(self._slots, worker="pipeline", lease_seconds=600, tenant_limit=8)
        intake = CommandIntake(
            runner.outbox, {task.name: task.declaration}, first_claims=first_claims, confirm_seconds=600, wake=_nothing,
            interrupt=_nothing, inputs={},
        )  # fmt: skip
        self._api_inbox = Inbox(
            api.database,
            api.outbox,
            group="api",
            window=WINDOW,
            applies=applies(Projection(silence_seconds=600), Catalogue()),
        )
        self._runner_inbox = Inbox(
            runner.database, runner.outbox, group="runner", window=WINDOW,
            applies={TASK_COMMANDS: intake.apply, EVIDENCE: apply_confirmations},
        )  # fmt: skip
        self._store_inbox = Inbox(
            store.database,
            store.outbox,
            group="store",
            window=WINDOW,
            applies={OPERATION_RUNS: Recording(store.outbox).apply},
        )

    async def begin(self) -> None:
        """Ready the carriers."""
        for carrier in self._carriers:
            await carrier.begin()

    async def delete_published(self) -> None:
        """Delete the messages of the last batches from the outboxes."""
        for carrier in self._carriers:
            await carrier.delete()

    async def run(self, count: int) -> int:
        """Runs of new tenants, from their starts to the confirmed evidence; returns the number of messages."""
        from_api, from_runner, from_store = self._carriers
        tenants = list(itertools.islice(self._tenants, count))
        await self._start(tenants)
        commands = await from_api.carry()
        await self._runner_inbox.take(commands)
        await self._settle(self._claimed)
        self._claimed.clear()
        results = await from_runner.carry()
        await self._store_inbox.take(results)
        await self._api_inbox.take(results)
        recorded = await from_store.carry()
        await self._runner_inbox.take(recorded)
        return len(commands) + len(results) + len(recorded)

    def _slots(self, wanted: int) -> ReservedSlots | None:
        """As many slots as there are runs, as in a worker that is not busy."""
        return Slots(wanted, lambda: 0, clock=time.monotonic).reserve(
            wanted, lambda claims, _: self._claimed.extend(claims)
        )

    async def _start(self, tenants: Sequence[int]) -> None:
        starts = [
            Start(tenant_id=tenant, task_type=self._task.name, connection_id=None, user_id=7, traceparent=None)
            for tenant in tenants
        ]
        answers = await asyncio.gather(*map(self._api.starts.start, starts))
        assert all(isinstance(answer, Accepted) for answer in answers)

    async def _settle(self, claims: Sequence[Claim]) -> None:
        settlements = [
            Settlement(
                run_id=claim.execution.run_id, lease_token=claim.lease_token, observed=claim.execution.state,
                outcome=Succeed(status=CheckStatus.OK, reason_code="DONE", message="Done.", payload={}),
                claimed=claim.execution,
            )
            for claim in claims
        ]  # fmt: skip
        answers = await asyncio.gather(*map(self._runner.worker.settlements.submit, settlements))
        assert answers == [Settled()] * len(settlements)


def _nothing(*_: object) -> None:
    return None
