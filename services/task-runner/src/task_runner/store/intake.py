"""The SQL of command intake: cancels, resumes and completes executions that exist."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import Mode
from task_runner.domain.admission import TENANT_SCOPE
from task_runner.domain.execution import Execution, RunKey
from task_runner.domain.outcomes import Cancelled
from task_runner.store.arrivals import Arrival
from task_runner.store.rows import COLUMNS, to_execution
from task_runner.store.states import CANCELLABLE_STATES, ENDED_STATES, RESUMABLE_STATES

_READ_AGAIN = text(f"""
WITH held AS MATERIALIZED (
    SELECT {COLUMNS}, e.confirm_at
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tenant_ids AS bigint[])) AS g (run_id, tenant_id)
    JOIN executions e ON e.run_id = g.run_id AND e.tenant_id = g.tenant_id
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
), kept AS (
    UPDATE executions e SET confirmed_at = now()
    FROM held h
    WHERE e.run_id = h.run_id AND e.tenant_id = h.tenant_id AND h.state IN {ENDED_STATES} AND h.confirm_at IS NULL
)
SELECT * FROM held ORDER BY tenant_id, run_id
""")  # noqa: S608 - no input, only constants

_COMPLETE = text("""
UPDATE executions e
SET task_type = g.task_type, session_id = g.session_id, provider_connection_id = g.connection_id,
    traceparent = g.traceparent, run_key = g.run_key
FROM unnest(CAST(:run_id AS bigint[]), CAST(:tenant_id AS bigint[]), CAST(:task_type AS text[]),
            CAST(:session_id AS bigint[]), CAST(:connection_id AS bigint[]), CAST(:traceparent AS text[]),
            CAST(:run_key AS text[]))
    AS g (run_id, tenant_id, task_type, session_id, connection_id, traceparent, run_key)
WHERE e.run_id = g.run_id AND e.tenant_id = g.tenant_id AND e.task_type IS NULL
""")

_CANCEL = text(f"""
WITH held AS MATERIALIZED (
    SELECT e.run_id, e.tenant_id, CASE WHEN e.state = 'running' THEN 'cancelling' ELSE 'cancelled' END AS state
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tenant_ids AS bigint[])) AS g (run_id, tenant_id)
    JOIN executions e ON e.run_id = g.run_id AND e.tenant_id = g.tenant_id
    WHERE e.state IN {CANCELLABLE_STATES}
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
)
UPDATE executions e
SET state = h.state,
    finished_at = CASE WHEN h.state = 'cancelled' THEN now() END,
    status = CASE WHEN h.state = 'cancelled' THEN :status END,
    reason_code = CASE WHEN h.state = 'cancelled' THEN :reason_code ELSE e.reason_code END,
    message = CASE WHEN h.state = 'cancelled' THEN :message ELSE e.message END,
    payload = CASE WHEN h.state = 'cancelled' THEN NULL ELSE e.payload END
FROM held h WHERE e.run_id = h.run_id AND e.tenant_id = h.tenant_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only constants

_RESUME = text(f"""
WITH held AS MATERIALIZED (
    SELECT e.run_id, e.tenant_id
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tenant_ids AS bigint[])) AS g (run_id, tenant_id)
    JOIN executions e ON e.run_id = g.run_id AND e.tenant_id = g.tenant_id
    WHERE e.state IN {RESUMABLE_STATES}
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
)
UPDATE executions e
SET woken_at = clock_timestamp(),
    resume_at = CASE WHEN e.state = 'waiting' THEN least(e.resume_at, now()) ELSE e.resume_at END
FROM held h WHERE e.run_id = h.run_id AND e.tenant_id = h.tenant_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only constants of ours

_TOMBSTONE = text("""
INSERT INTO executions (run_id, tenant_id, scope_key, mode, time_limit, max_attempts, state, status, reason_code,
                        message, finished_at)
SELECT g.run_id, g.tenant_id, :scope_key, :mode, 0, 0, 'cancelled', :status, :reason_code, :message, now()
FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tenant_ids AS bigint[])) AS g (run_id, tenant_id)
ORDER BY g.tenant_id, g.run_id
ON CONFLICT (run_id, tenant_id) DO NOTHING
""")

_CANCELLED = Cancelled()
_ENDING = {
    "status": _CANCELLED.status.value,
    "reason_code": _CANCELLED.reason_code,
    "message": _CANCELLED.message,
}


async def read_again(tx: AsyncConnection, runs: Sequence[RunKey]) -> list[Execution]:
    """Read and lock executions for the response to a repeated command.

    The lock keeps later messages from being published before the response. Who asks may not have applied the end of a
    run: the days after which a confirmed or cancelled one is removed begin again.
    """
    return [to_execution(row) for row in await tx.execute(_READ_AGAIN, _keys(runs))]


async def complete_tombstones(tx: AsyncConnection, arrivals: Sequence[Arrival]) -> None:
    """Complete the rows of runs that were cancelled before their StartTask was consumed."""
    commands = [arrival.command for arrival in arrivals]
    await tx.execute(
        _COMPLETE,
        {
            "run_id": [command.run_id for command in commands],
            "tenant_id": [command.tenant_id for command in commands],
            "task_type": [command.task_type for command in commands],
            "session_id": [command.session_id for command in commands],
            "connection_id": [command.connection.id if command.connection else None for command in commands],
            "traceparent": [arrival.traceparent for arrival in arrivals],
            "run_key": [command.run_key for command in commands],
        },
    )


async def cancel(tx: AsyncConnection, runs: Sequence[RunKey]) -> list[Execution]:
    """Cancel runs; running ones become ``cancelling``. Return those that changed."""
    return [to_execution(row) for row in await tx.execute(_CANCEL, {**_keys(runs), **_ENDING})]


async def resume(tx: AsyncConnection, runs: Sequence[RunKey]) -> list[Execution]:
    """Wake runs: waiting ones become due now. Returns those that were woken."""
    return [to_execution(row) for row in await tx.execute(_RESUME, _keys(runs))]


async def add_tombstones(tx: AsyncConnection, runs: Sequence[RunKey]) -> None:
    """Insert unknown runs as cancelled, in case their StartTask is consumed later."""
    await tx.execute(
        _TOMBSTONE,
        {
            **_keys(runs),
            "scope_key": TENANT_SCOPE,
            "mode": Mode.SHARED.value,
            **_ENDING,
        },
    )


def _keys(runs: Sequence[RunKey]) -> dict[str, list[int]]:
    return {"run_ids": [run for run, _ in runs], "tenant_ids": [tenant for _, tenant in runs]}
