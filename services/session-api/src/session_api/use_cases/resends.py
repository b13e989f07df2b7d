"""The sweeper: resends the command of every overdue run, so that no run depends on one message being delivered."""

from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.session_api import CancelTask, StartTask
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.loop import Loop
from session_api import metrics
from session_api.store.resends import OverdueRun, take_overdue_runs

BATCH = 500

_log = structlog.get_logger(__name__)


class Sweeper:
    """A background loop. Several instances may run at once: each overdue run goes to one of them."""

    def __init__(self, database: Database, outbox: Outbox, *, silence_seconds: float, every_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._silence_seconds = silence_seconds
        self._every_seconds = every_seconds
        self._loop = Loop(
            "resend-sweeper",
            self._turn,
            count_failure=metrics.SWEEP_FAILURES.inc,
            first_backoff=every_seconds,
            longest_backoff=every_seconds,
        )

    async def start(self) -> None:
        """Start the loop."""
        self._loop.start()

    async def stop(self) -> None:
        """Finish the sweep in flight."""
        await self._loop.stop()

    @property
    def failures(self) -> int:
        """The sweeps that failed since the last one that succeeded."""
        return self._loop.failures

    async def check(self) -> dict[str, int]:
        """Health probe: raises when the loop has ended, or keeps failing."""
        if not self._loop.alive or self.failures > 3:
            raise RuntimeError("the sweeper does not sweep")
        return {"failures": self.failures}

    async def sweep(self) -> int:
        """Resend the commands of one batch of overdue runs; returns the number of runs in it."""

        async def work(tx: AsyncConnection) -> Sequence[OverdueRun]:
            overdue = await take_overdue_runs(tx, limit=BATCH, silence_seconds=self._silence_seconds)
            await self._outbox.append(tx, [command for run in overdue for command in commands(run)])
            return overdue

        overdue = await self._database.run(work)
        metrics.COMMANDS_REPEATED.inc(len(overdue))
        if overdue:
            _log.warning("commands_sent_again", runs=len(overdue), most_repeats=max(run.repeats for run in overdue))
        return len(overdue)

    async def _turn(self) -> float:
        return 0.0 if await self.sweep() == BATCH else self._every_seconds


def commands(run: OverdueRun) -> Iterator[Outgoing]:
    """The commands to resend. A runner that never answered gets the StartTask again before the CancelTask."""
    cancelling = run.state is RunState.CANCELLING
    if not cancelling or not run.ever_answered:
        start = StartTask(
            tenant_id=run.tenant_id,
            run_id=run.run_id,
            task_type=run.task_type,
            session_id=run.session_id,
            connection=run.connection,
            requested_by=run.requested_by_user_id,
            requested_at=run.created_at,
            repeat=run.repeats,
            inputs=run.inputs,
            dry_run=run.dry_run,
            previously_ok=run.previously_ok,
        )
        yield Outgoing(start, traceparent=run.traceparent)
    if cancelling:
        cancel = CancelTask(
            tenant_id=run.tenant_id,
            run_id=run.run_id,
            requested_by=run.cancel_requested_by_user_id or run.requested_by_user_id,
            requested_at=run.cancel_requested_at or run.created_at,
        )
        yield Outgoing(cancel, traceparent=run.traceparent)
