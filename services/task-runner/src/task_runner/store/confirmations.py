"""Results stay to be told until the evidence store confirms them."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.execution import describe
from task_runner.store.rows import COLUMNS, to_execution

_CONFIRM = text("""
WITH held AS MATERIALIZED (
    SELECT e.run_id
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tenant_ids AS bigint[])) AS g (run_id, tenant_id)
    JOIN executions e ON e.run_id = g.run_id AND e.tenant_id = g.tenant_id
    WHERE e.confirm_at IS NOT NULL
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
)
UPDATE executions e SET confirmed_at = now(), confirm_at = NULL FROM held h WHERE e.run_id = h.run_id
""")

_RESEND = text(f"""
WITH picked AS MATERIALIZED (
    SELECT run_id FROM executions WHERE confirm_at IS NOT NULL AND confirm_at <= now()
    ORDER BY confirm_at LIMIT :batch FOR UPDATE SKIP LOCKED
)
UPDATE executions e
SET resends = e.resends + 1,
    confirm_at = now() + make_interval(secs => least(:longest, :confirm * power(2, least(e.resends + 1, 30))))
FROM picked p WHERE e.run_id = p.run_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only a constant of ours

_BATCH = 200
_LONGEST_SECONDS = 600.0


async def confirm(connection: AsyncConnection, runs: Sequence[tuple[int, int]]) -> None:
    """The results of (run id, tenant id) stand in the evidence store."""
    await connection.execute(
        _CONFIRM, {"run_ids": [run for run, _ in runs], "tenant_ids": [tenant for _, tenant in runs]}
    )


class Confirmations:
    """Says RunFinished again for the runs whose result nobody confirmed, at doubling intervals up to ten minutes."""

    def __init__(self, database: Database, outbox: Outbox, *, confirm_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._confirm_seconds = confirm_seconds

    async def resend(self) -> int:
        """Say again what is due; returns how many there were, at most a batch. Raises ``DatabaseUnavailable``."""

        async def work(connection: AsyncConnection) -> int:
            rows = await connection.execute(
                _RESEND, {"batch": _BATCH, "longest": _LONGEST_SECONDS, "confirm": self._confirm_seconds}
            )
            executions = [to_execution(row) for row in rows]
            await self._outbox.append(connection, [Outgoing(describe(one), one.traceparent) for one in executions])
            return len(executions)

        return await self._database.run(work)
