"""A task runner's database and everything that works on it, called step by step."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, text

from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.session_api import CancelTask, StartTask, TaskConnection
from onboarding_shared.contracts.types import CheckStatus
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from task_runner.domain.leases import Selection
from task_runner.providers import Providers
from task_runner.store.rows import Claim
from task_runner.store.settling import Settled, Settlement, SettlementRefused, settle
from task_runner.tasks import Result, Task, TaskContext, task
from task_runner.tasks.registry import inputs_types
from task_runner.use_cases.claims import RunClaims
from task_runner.use_cases.confirmations import apply_confirmations
from task_runner.use_cases.first_claims import FirstClaims
from task_runner.use_cases.intake import CommandIntake
from task_runner.worker.worker import Worker, WorkerLimits
from tests.support.quick_task import quick

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@task("check.other", step=1, title="Other", scope="tenant")
async def other(context: TaskContext) -> Result:
    """Another shared check of the tenant."""
    return Result.ok("OTHER_OK")


@task("check.connection", step=2, title="Connection", scope="connection")
async def of_connection(context: TaskContext) -> Result:
    """A shared check of a connection."""
    return Result.ok("CONNECTION_OK")


@task("change.connection", step=3, title="Change", scope="connection", mode="exclusive")
async def change(context: TaskContext) -> Result:
    """An exclusive change of a connection."""
    return Result.ok("CHANGED")


@task("change.tenant", step=3, title="Change all", scope="tenant", mode="exclusive")
async def change_tenant(context: TaskContext) -> Result:
    """An exclusive change of the tenant."""
    return Result.ok("CHANGED")


NO_SLOTS = FirstClaims(lambda _: None, worker="nobody", lease_seconds=30.0, tenant_limit=8)
"""Runs are stored without a lease."""

TASKS = {declared.name: declared for declared in (quick, other, of_connection, change, change_tenant)}


def connection(connection_id: int) -> TaskConnection:
    return TaskConnection(
        id=connection_id,
        provider="microsoft_graph",
        external_tenant_id=f"5f0c1e5a-0000-4000-8000-{connection_id:012d}",
        client_id="5f0c1e5a-0000-4000-8000-000000000002",
        credential_ref="env:SECRET",
        cloud="global",
    )


def start(run_id: int, task_type: str = "check.quick", *, tenant_id: int = 4, on: int | None = None) -> StartTask:
    return StartTask(
        tenant_id=tenant_id,
        run_id=run_id,
        task_type=task_type,
        session_id=9,
        connection=None if on is None else connection(on),
        requested_by=7,
        requested_at=NOON,
    )


def cancel(run_id: int, *, tenant_id: int = 4) -> CancelTask:
    return CancelTask(tenant_id=tenant_id, run_id=run_id, requested_by=7, requested_at=NOON)


def recorded(run_id: int, *, tenant_id: int = 4) -> EvidenceRecorded:
    return EvidenceRecorded(
        tenant_id=tenant_id,
        evidence_id=run_id,
        run_id=run_id,
        task_type="check.quick",
        status=CheckStatus.OK,
        reason_code="QUICK_OK",
        position=1,
        seal="0" * 64,
        recorded_at=NOON,
    )


class RunnerHarness:
    """A task runner without Kafka: messages go straight to the intake, and its messages are read from the outbox."""

    def __init__(self, database: Database, tasks: Mapping[str, Task] = TASKS) -> None:
        self.database = database
        self.tasks = dict(tasks)
        self.outbox = Outbox()
        self.providers = Providers()
        self.interrupted: list[int] = []
        self.worker: Worker | None = None
        self.first_claims = NO_SLOTS
        self._sequence = itertools.count(1)
        self._read = 0

    async def apply(self, *messages: Message, traceparent: str | None = None) -> None:
        """Apply the messages as one batch."""
        batch = [
            Received(
                message=message,
                topic=message.topic.name,
                tenant_id=message.tenant_id,
                sequence=next(self._sequence),
                message_id="m",
                source="/test",
                time="",
                traceparent=traceparent,
            )
            for message in messages
        ]
        intake = CommandIntake(
            self.outbox,
            {name: declared.declaration for name, declared in self.tasks.items()},
            first_claims=self.first_claims,
            confirm_seconds=20.0,
            wake=lambda: self.worker.wake() if self.worker else None,
            interrupt=self._interrupt,
            inputs=inputs_types(self.tasks),
        )
        apply = apply_confirmations if isinstance(messages[0], EvidenceRecorded) else intake.apply
        async with self.database.transaction() as connection:
            await apply(connection, batch)

    def _interrupt(self, runs: frozenset[tuple[int, int]]) -> None:
        self.interrupted += sorted(run_id for run_id, _ in runs)
        if self.worker:
            self.worker.pool.interrupt(runs)

    def claims(
        self,
        *,
        worker: str = "w1",
        tenant_limit: int = 8,
        lease_seconds: float = 30.0,
        selection: Selection = Selection.ALL,
    ) -> RunClaims:
        return RunClaims(
            self.database,
            worker=worker,
            task_types=list(self.tasks),
            lease_seconds=lease_seconds,
            tenant_limit=tenant_limit,
            selection=selection,
        )

    async def claim(self, free: int = 10, **options: Any) -> tuple[Claim, ...]:
        return (await self.claims(**options).claim(free)).claims

    async def claimed_ids(self, free: int = 10, **options: Any) -> set[int]:
        return {claim.execution.run_id for claim in await self.claim(free, **options)}

    async def settle(self, *settlements: Settlement) -> list[Settled | SettlementRefused]:
        async with self.database.transaction() as connection:
            return await settle(connection, self.outbox, settlements, confirm_seconds=20.0)

    async def settle_singly(self, *settlements: Settlement) -> list[Settled | SettlementRefused]:
        """Settle outside of a transaction, as a worker does if it can."""
        return await self.database.run_single(
            lambda connection: settle(connection, self.outbox, settlements, confirm_seconds=20.0)
        )

    async def new_messages(self) -> list[Message]:
        """The messages added to the outbox since the last call, in order."""
        async with self.database.transaction() as connection:
            rows = await connection.execute(
                text("SELECT id, topic, data FROM outbox WHERE id > :read ORDER BY id"), {"read": self._read}
            )
            unread = rows.all()
        self._read = unread[-1].id if unread else self._read
        return [decode_data(row.topic, bytes(row.data)) for row in unread]

    async def row(self, run_id: int) -> Row[Any]:
        async with self.database.transaction() as connection:
            rows = await connection.execute(text("SELECT * FROM executions WHERE run_id = :run"), {"run": run_id})
            return rows.one()

    async def state(self, run_id: int) -> str:
        return str((await self.row(run_id)).state)

    async def sql(self, statement: str, **values: Any) -> Sequence[Row[Any]]:
        async with self.database.transaction() as connection:
            result = await connection.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    def new_worker(self, *tasks: Task, name: str = "w1", **limits: Any) -> Worker:
        """A worker with short times, for the tasks of the harness and ``tasks``."""
        self.tasks |= {declared.name: declared for declared in tasks}
        chosen = WorkerLimits(**{"poll_seconds": 0.05, "drain_seconds": 0.0, **limits})
        self.worker = Worker(self.database, self.outbox, self.tasks, self.providers.context_of_run, chosen, name=name)
        self.first_claims = self.worker.first_claims
        return self.worker
