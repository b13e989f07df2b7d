"""Ends runs that were due for a long time and that no worker took."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.execution import describe
from task_runner.domain.queueing import unclaimed
from task_runner.store.rows import COLUMNS, to_execution

# What a waiting run found last stays in its payload: it is all that is known.
_EXPIRE = text(f"""
WITH late AS MATERIALIZED (
    SELECT run_id FROM executions
    WHERE state IN ('queued', 'waiting') AND resume_at < now() - make_interval(secs => :limit)
    ORDER BY tenant_id, run_id LIMIT :batch FOR UPDATE SKIP LOCKED
)
UPDATE executions e
SET state = 'timed_out', status = :status, reason_code = :reason_code, message = :message, finished_at = now(),
    confirm_at = now() + make_interval(secs => :confirm)
FROM late l WHERE e.run_id = l.run_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only a constant of ours

_BATCH = 200


class Overdue:
    """The queue's clock: how long a run may be due without a worker. Only the database's clock judges."""

    def __init__(self, database: Database, outbox: Outbox, *, queue_seconds: float, confirm_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        ending = unclaimed(queue_seconds)
        self._values = {
            "limit": queue_seconds,
            "confirm": confirm_seconds,
            "batch": _BATCH,
            "status": ending.status.value,
            "reason_code": ending.reason_code,
            "message": ending.message,
        }

    async def expire(self) -> int:
        """End what is late and tell it; returns how many, at most a batch. Raises ``DatabaseUnavailable``."""

        async def work(connection: AsyncConnection) -> int:
            executions = [to_execution(row) for row in await connection.execute(_EXPIRE, self._values)]
            await self._outbox.append(connection, [Outgoing(describe(one), one.traceparent) for one in executions])
            return len(executions)

        return await self._database.run(work)
