"""The worker of one process: the pool and its background loops."""

import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import RunEvent
from onboarding_shared.contracts.task_runner import MOST_UNUSABLE, TaskTypesAnnounced, UnusableTasks
from onboarding_shared.contracts.types import PLATFORM_TENANT
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.postgres.group_commit import GroupCommit
from onboarding_shared.process.loop import Loop
from task_runner import metrics
from task_runner.domain.leases import Selection
from task_runner.domain.queueing import grace
from task_runner.store.settling import Settled, Settlement, SettlementRefused, at_once, settle
from task_runner.tasks import Task
from task_runner.use_cases.claims import RunClaims
from task_runner.use_cases.confirmations import Confirmations
from task_runner.use_cases.first_claims import FirstClaims
from task_runner.use_cases.leases import Leases
from task_runner.use_cases.overdue import Overdue
from task_runner.use_cases.starts import RunStarts
from task_runner.worker.attempt import ContextFactory
from task_runner.worker.heartbeat import Heartbeat
from task_runner.worker.pool import Pool
from task_runner.worker.starts import Starts

ANNOUNCE_SECONDS = 60.0
_SWEEP_SECONDS = 5.0
_RECOVER_SECONDS = 2.0
_EXPIRE_SECONDS = 10.0
_STALLED_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLimits:
    """Limits and timeouts of a worker; see the settings of the same names. Times are seconds."""

    concurrency: int = 256
    tenant_concurrency: int = 8
    lease_seconds: float = 30.0
    queue_seconds: float = 3600.0
    confirm_seconds: float = 20.0
    poll_seconds: float = 1.0
    drain_seconds: float = 10.0


class Worker:
    """Claims, runs and settles runs, recovers expired leases, expires overdue runs, and resends unconfirmed results.

    It also announces runs that last, and its task types.
    """

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        tasks: Mapping[str, Task],
        context_for: ContextFactory,
        limits: WorkerLimits,
        *,
        unusable: Sequence[UnusableTasks] = (),
        name: str,
        clock: Callable[[], float] = time.monotonic,
        selection: Selection = Selection.ALL,
        record: metrics.Record = metrics.record,
    ) -> None:
        """``name`` identifies the worker in the database; ``clock`` is monotonic, in seconds; ``record`` takes metrics.

        ``unusable`` are installed tasks that are not among ``tasks``; they are announced with them.
        A worker of isolated runs only claims and executes: another one does the rest.
        """
        self._database = database
        self._outbox = outbox
        self._tasks = tasks
        self._unusable = tuple(unusable[:MOST_UNUSABLE])
        self._limits = limits
        self._clock = clock
        self._expire_from = math.inf
        lease, confirm = limits.lease_seconds, limits.confirm_seconds
        claims = RunClaims(
            database,
            worker=name,
            task_types=list(tasks),
            lease_seconds=lease,
            tenant_limit=limits.tenant_concurrency,
            selection=selection,
        )
        self.settlements: GroupCommit[Settlement, Settled | SettlementRefused] = GroupCommit(
            database,
            self._settle,
            owner=lambda settlement: settlement.run_id,
            single=at_once,
        )
        self.leases = Leases(database, outbox, lease_seconds=lease, confirm_seconds=confirm)
        self.overdue = Overdue(database, outbox, queue_seconds=limits.queue_seconds, confirm_seconds=confirm)
        self.confirmations = Confirmations(database, outbox, confirm_seconds=confirm)
        self.pool = Pool(
            claims,
            self.settlements.submit,
            tasks,
            context_for,
            concurrency=limits.concurrency,
            lease_seconds=lease,
            poll_seconds=limits.poll_seconds,
            on_begin=self._wake_starts,
            clock=clock,
            record=record,
        )
        self.first_claims = FirstClaims(
            self.pool.reserve, worker=name, lease_seconds=lease, tenant_limit=limits.tenant_concurrency
        )
        self._starts = Starts(RunStarts(database, outbox).announce, self.pool.attempts, clock=clock)
        self._announcing = _loop("starts", self._starts.turn)
        heartbeat = Heartbeat(self.leases, self.pool.attempts, lease_seconds=lease, clock=clock)
        self._heart = _loop("heartbeat", heartbeat.beat, longest_backoff=min(1.0, lease / 6))
        self._others = () if selection is Selection.ISOLATED else self._loops_of_one_worker()
        self.loops = (self.pool.loop, self._heart, self._announcing, *self._others)

    def _loops_of_one_worker(self) -> tuple[Loop, ...]:
        """The loops that only one worker of a process needs."""
        return (
            _loop("recover", self._recover),
            _loop("expire", self._expire),
            _loop("resend", self._resend),
            _loop("announce", self._announce),
        )

    def wake(self) -> None:
        """Claim now instead of at the next poll."""
        self.pool.loop.wake()

    @property
    def slots(self) -> int:
        """Maximum number of attempts in progress."""
        return self._limits.concurrency

    def stalled_loops(self) -> list[str]:
        """The names of loops that have ended, or whose next turn is overdue by more than a minute."""
        return [loop.name for loop in self.loops if not loop.alive or loop.seconds_overdue > _STALLED_SECONDS]

    def start(self) -> None:
        """Start the background loops."""
        self._spare_late_runs()
        for loop in self.loops:
            loop.start()

    async def stop(self) -> None:
        """Drain as ``Pool.stop`` does. Leases are renewed until the end, and all results are settled."""
        for loop in self._others:
            await loop.stop()
        await self.pool.stop(self._limits.drain_seconds)
        await self._heart.stop()
        await self._announcing.stop()
        await self.settlements.settle()

    def _wake_starts(self) -> None:
        if self._starts.is_idle:
            self._announcing.wake()

    async def _settle(
        self, tx: AsyncConnection, settlements: Sequence[Settlement]
    ) -> list[Settled | SettlementRefused | Exception]:
        return list(await settle(tx, self._outbox, settlements, confirm_seconds=self._limits.confirm_seconds))

    async def _recover(self) -> float:
        recovered = await self.leases.recover()
        for event, count in recovered.items():
            metrics.LEASES_EXPIRED.labels(event.value).inc(count)
        if RunEvent.WAIT in recovered:
            self.wake()
        return min(_RECOVER_SECONDS, self._limits.lease_seconds / 6)

    def _spare_late_runs(self) -> None:
        """Delay the expiry of overdue runs: they could not be claimed while all workers, or the database, were down."""
        self._expire_from = self._clock() + grace(self._limits.queue_seconds)

    async def _expire(self) -> float:
        too_early = self._expire_from - self._clock()
        if too_early > 0:
            return too_early
        try:
            ended = await self.overdue.expire()
        except DatabaseUnavailable:
            self._spare_late_runs()
            raise
        metrics.UNCLAIMED.inc(ended)
        return 0.0 if ended else min(_EXPIRE_SECONDS, self._limits.queue_seconds / 6)

    async def _resend(self) -> float:
        resent = await self.confirmations.resend()
        metrics.RESENT.inc(resent)
        return 0.0 if resent else min(_SWEEP_SECONDS, self._limits.confirm_seconds / 4)

    async def _announce(self) -> float:
        declarations = tuple(task.declaration for task in self._tasks.values())
        announced = TaskTypesAnnounced(tenant_id=PLATFORM_TENANT, task_types=declarations, unusable=self._unusable)
        await self._database.run(lambda tx: self._outbox.append(tx, [announced]))
        return ANNOUNCE_SECONDS


def _loop(name: str, turn: Callable[[], Awaitable[float]], **backoff: float) -> Loop:
    return Loop(name, turn, count_failure=metrics.count_failures_of(name), **backoff)
