"""The SQL that ends runs which were due for a long time and which no worker claimed."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from task_runner.domain.execution import Execution
from task_runner.domain.outcomes import TimedOut
from task_runner.store.rows import COLUMNS, to_execution
from task_runner.store.states import CLAIMABLE_STATES

# What a waiting run found last stays in its payload: it is all that is known.
_EXPIRE = text(f"""
WITH late AS MATERIALIZED (
    SELECT run_id FROM executions
    WHERE state IN {CLAIMABLE_STATES} AND resume_at < now() - make_interval(secs => :limit)
    ORDER BY tenant_id, run_id LIMIT :batch FOR UPDATE SKIP LOCKED
)
UPDATE executions e
SET state = 'timed_out', status = :status, reason_code = :reason_code, message = :message, finished_at = now(),
    confirm_at = now() + make_interval(secs => :confirm)
FROM late l WHERE e.run_id = l.run_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only a constant of ours

_BATCH = 200


async def expire_overdue(
    tx: AsyncConnection, ending: TimedOut, *, queue_seconds: float, confirm_seconds: float
) -> list[Execution]:
    """End a batch of runs that were due ``queue_seconds`` ago, by the database's clock; returns them as they ended."""
    values = {
        "limit": queue_seconds,
        "confirm": confirm_seconds,
        "batch": _BATCH,
        "status": ending.status.value,
        "reason_code": ending.reason_code,
        "message": ending.message,
    }
    return [to_execution(row) for row in await tx.execute(_EXPIRE, values)]
