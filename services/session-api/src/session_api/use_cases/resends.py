"""The sweeper: asks again about every run whose runner is silent, so that nothing depends on Kafka remembering."""

from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.session_api import CancelTask, StartTask
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.loop import Loop
from session_api import metrics
from session_api.store.resends import SilentRun, take_silent_runs

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
        """Begin to sweep in the background."""
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
        """Send the commands of one batch of silent runs again; returns how many runs it had."""

        async def work(tx: AsyncConnection) -> Sequence[SilentRun]:
            silent = await take_silent_runs(tx, limit=BATCH, silence_seconds=self._silence_seconds)
            await self._outbox.append(tx, [command for run in silent for command in commands(run)])
            return silent

        silent = await self._database.run(work)
        metrics.COMMANDS_REPEATED.inc(len(silent))
        if silent:
            _log.warning("commands_sent_again", runs=len(silent), most_repeats=max(run.repeats for run in silent))
        return len(silent)

    async def _turn(self) -> float:
        return 0.0 if await self.sweep() == BATCH else self._every_seconds


def commands(run: SilentRun) -> Iterator[Outgoing]:
    """What to say again. A runner that may never have heard of a run must hear of it before its cancellation."""
    cancelling = run.state is RunState.CANCELLING
    if not cancelling or not run.ever_heard:
        start = StartTask(
            tenant_id=run.tenant_id,
            run_id=run.run_id,
            task_type=run.task_type,
            session_id=run.session_id,
            connection=run.connection,
            requested_by=run.requested_by_user_id,
            requested_at=run.created_at,
            repeat=run.repeats,
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
