"""The SQL that removes executions that are old."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.old_rows import Removal, RemoveBatch
from task_runner.store.states import ENDED_STATES

_OLD = "now() - make_interval(days => :days)"
# Ids are given out in the order of time: a batch that has no old row is the last one that is worth a look.
# Forged commands may have taken the same id for several tenants: WITH TIES keeps them in one batch.
_REMOVE = text(f"""
WITH looked AS MATERIALIZED (
    SELECT run_id, tenant_id, created_at FROM executions WHERE run_id > :after
    ORDER BY run_id FETCH FIRST :batch ROWS WITH TIES
), picked AS MATERIALIZED (
    SELECT e.run_id, e.tenant_id FROM executions e JOIN looked USING (run_id, tenant_id)
    WHERE e.state IN {ENDED_STATES} AND e.confirm_at IS NULL
      AND coalesce(e.confirmed_at, e.finished_at) < {_OLD}
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e SKIP LOCKED
), removed AS (
    DELETE FROM executions e USING picked p WHERE e.run_id = p.run_id AND e.tenant_id = p.tenant_id RETURNING 1
)
SELECT (SELECT count(*) FROM removed) AS removed,
       (SELECT max(run_id) FROM looked HAVING count(*) >= :batch AND min(created_at) < {_OLD}) AS next_after
""")  # noqa: S608 - no input, only constants


def remove_old_executions(days: int) -> RemoveBatch:
    """The removal of executions that ended, and whose results evidence-store confirmed, more than ``days`` ago.

    A result that nobody has confirmed stays, however old it is: it is published again. A cancelled run has no result.
    The last command about an ended run counts as its confirmation: whoever repeats it would start a removed run anew.
    """

    async def remove(tx: AsyncConnection, after: int, batch: int) -> Removal:
        row = (await tx.execute(_REMOVE, {"after": after, "batch": batch, "days": days})).one()
        return Removal(row.removed, row.next_after)

    return remove
