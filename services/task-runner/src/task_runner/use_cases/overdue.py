"""Ends runs that no worker has claimed in time."""

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.execution import Execution, describe
from task_runner.domain.queueing import unclaimed
from task_runner.store.overdue import expire_overdue

_log = structlog.get_logger(__name__)


class Overdue:
    """Limits the time from when a run is due until a worker claims it, by the clock of the database."""

    def __init__(self, database: Database, outbox: Outbox, *, queue_seconds: float, confirm_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._queue_seconds = queue_seconds
        self._confirm_seconds = confirm_seconds

    async def expire(self) -> int:
        """End one batch of overdue runs and publish RunFinished; return their number. Raise ``DatabaseUnavailable``."""

        outcome = unclaimed(self._queue_seconds)

        async def work(tx: AsyncConnection) -> list[Execution]:
            ended = await expire_overdue(
                tx,
                outcome,
                queue_seconds=self._queue_seconds,
                confirm_seconds=self._confirm_seconds,
            )
            await self._outbox.append(
                tx, [Outgoing(describe(run), run.traceparent, mac_key=run.run_key) for run in ended]
            )
            return ended

        ended = await self._database.run(work)
        for run in ended:
            _log.warning(
                "run_ended",
                run_id=run.run_id,
                tenant_id=run.tenant_id,
                task_type=run.task_type,
                outcome=outcome.event.value,
                reason_code=outcome.reason_code,
            )
        return len(ended)
