"""The SQL of overdue runs: ends runs that no worker has claimed in time."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from task_runner.domain.execution import Execution
from task_runner.domain.outcomes import TimedOut
from task_runner.store.rows import COLUMNS, to_execution
from task_runner.store.states import CLAIMABLE_STATES

# The payload of a waiting run is kept: it contains the last findings of the task.
_EXPIRE = text(f"""
WITH late AS MATERIALIZED (
    SELECT run_id, tenant_id FROM executions
    WHERE state IN {CLAIMABLE_STATES} AND resume_at < now() - make_interval(secs => :limit)
    ORDER BY tenant_id, run_id LIMIT :batch FOR UPDATE SKIP LOCKED
)
UPDATE executions e
SET state = 'timed_out', status = :status, reason_code = :reason_code, message = :message, finished_at = now(),
    confirm_at = now() + make_interval(secs => :confirm)
FROM late l WHERE e.run_id = l.run_id AND e.tenant_id = l.tenant_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only constants

_BATCH = 200


async def expire_overdue(
    tx: AsyncConnection, ending: TimedOut, *, queue_seconds: float, confirm_seconds: float
) -> list[Execution]:
    """End a batch of runs that have been due for ``queue_seconds`` by the clock of the database, and return them."""
    values = {
        "limit": queue_seconds,
        "confirm": confirm_seconds,
        "batch": _BATCH,
        "status": ending.status.value,
        "reason_code": ending.reason_code,
        "message": ending.message,
    }
    return [to_execution(row) for row in await tx.execute(_EXPIRE, values)]
