"""The sweeper sends the command of every overdue run again, so that no run depends on a single message.

It also deletes idempotency keys that are too old.
"""

import asyncio
from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.session_api import CancelTask, StartTask
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.loop import Loop
from session_api import metrics
from session_api.store.idempotency import prune_keys
from session_api.store.resends import OverdueRun, take_overdue_runs

BATCH = 500
PRUNE_SECONDS = 60.0
"""Time between two deletions of old keys."""

_log = structlog.get_logger(__name__)


class Sweeper:
    """A background loop. Several processes may run one: each overdue run is handled by one of them."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        silence_seconds: float,
        every_seconds: float,
        keys_last_seconds: float,
        run_keys: RunKeys,
    ) -> None:
        self._run_keys = run_keys
        self._database = database
        self._outbox = outbox
        self._silence_seconds = silence_seconds
        self._every_seconds = every_seconds
        self._keys_last_seconds = keys_last_seconds
        self._prune_at = 0.0
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
        """Finish the current sweep and stop the loop."""
        await self._loop.stop()

    @property
    def failures(self) -> int:
        """Number of failed sweeps since the last successful one."""
        return self._loop.failures

    async def check(self) -> dict[str, int]:
        """Readiness check. Raise ``RuntimeError`` if the loop has ended, or more than 3 sweeps in a row failed."""
        if not self._loop.alive or self.failures > 3:
            raise RuntimeError(f"the resend sweeper has stopped or fails: {self.failures} failures in a row")
        return {"failures": self.failures}

    async def sweep(self) -> int:
        """Send the commands of one batch of overdue runs again. Return the number of runs."""

        async def work(tx: AsyncConnection) -> Sequence[OverdueRun]:
            overdue = await take_overdue_runs(tx, limit=BATCH, silence_seconds=self._silence_seconds)
            await self._outbox.append(tx, [command for run in overdue for command in commands(run, self._run_keys)])
            return overdue

        overdue = await self._database.run(work)
        metrics.COMMANDS_REPEATED.inc(len(overdue))
        if overdue:
            _log.warning("commands_sent_again", runs=len(overdue), most_repeats=max(run.repeats for run in overdue))
        return len(overdue)

    async def prune(self) -> int:
        """Delete a batch of idempotency keys that are too old; returns how many."""
        return await self._database.run(lambda tx: prune_keys(tx, lasts_seconds=self._keys_last_seconds, limit=BATCH))

    async def _turn(self) -> float:
        now = asyncio.get_running_loop().time()
        if now >= self._prune_at and await self.prune() < BATCH:
            self._prune_at = now + PRUNE_SECONDS
        return 0.0 if await self.sweep() == BATCH else self._every_seconds


def commands(run: OverdueRun, run_keys: RunKeys) -> Iterator[Outgoing]:
    """Yield the commands to send again. StartTask precedes CancelTask if the runner never responded to it."""
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
            run_key=run_keys.key_of(run.tenant_id, run.run_id),
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
