"""The SQL of confirmations: a result is published repeatedly until evidence-store has confirmed it."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.changes import Change
from task_runner.domain.execution import Execution, RunKey
from task_runner.store.rows import COLUMNS, to_execution

_CONFIRMED = """held AS MATERIALIZED (
    SELECT e.run_id, e.tenant_id
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tenant_ids AS bigint[])) AS g (run_id, tenant_id)
    JOIN executions e ON e.run_id = g.run_id AND e.tenant_id = g.tenant_id
    WHERE e.confirm_at IS NOT NULL AND g.tenant_id IN (SELECT tenant_id FROM continued)
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
), confirmed AS (
    UPDATE executions e SET confirmed_at = now(), confirm_at = NULL
    FROM held h WHERE e.run_id = h.run_id AND e.tenant_id = h.tenant_id
),"""

_RESEND = text(f"""
WITH picked AS MATERIALIZED (
    SELECT run_id, tenant_id FROM executions WHERE confirm_at IS NOT NULL AND confirm_at <= now()
    ORDER BY confirm_at LIMIT :batch FOR UPDATE SKIP LOCKED
)
UPDATE executions e
SET resends = e.resends + 1,
    confirm_at = now() + make_interval(secs => least(:longest, :confirm * power(2, least(e.resends + 1, 30))))
FROM picked p WHERE e.run_id = p.run_id AND e.tenant_id = p.tenant_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only constants

_BATCH = 200
_LONGEST_SECONDS = 600.0


def confirmed(runs: Sequence[RunKey]) -> Change:
    """Mark the results of these runs as confirmed by evidence-store, in the statement of the inbox."""
    return Change(_CONFIRMED, {"run_ids": [run for run, _ in runs], "tenant_ids": [tenant for _, tenant in runs]})


async def take_unconfirmed(tx: AsyncConnection, confirm_seconds: float) -> list[Execution]:
    """Return a batch of results to publish again, and set their next time: the interval doubles, up to 10 minutes."""
    values = {"batch": _BATCH, "longest": _LONGEST_SECONDS, "confirm": confirm_seconds}
    return [to_execution(row) for row in await tx.execute(_RESEND, values)]
