"""The SQL of claims: reads tenants with due runs and their runs, and writes the leases of the chosen ones."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import Mode
from task_runner.domain.claiming import GuardedRun
from task_runner.domain.execution import RunKey
from task_runner.domain.leases import ISOLATED_AFTER, Selection
from task_runner.store.rows import COLUMNS, Claim, to_claim
from task_runner.store.states import CLAIMABLE_STATES, LEASED_STATES

_SELECTED = {
    Selection.ALL: "true",
    Selection.SHARED_PROCESS: f"e.losses < {ISOLATED_AFTER}",
    Selection.ISOLATED: f"e.losses >= {ISOLATED_AFTER}",
}
"""Conditions on an execution ``e``. The last one is that of the index ``executions_isolated``."""


def _next_tenants(selected: str) -> TextClause:
    """Loose index scan: one index lookup per tenant with due runs. The cost does not depend on the length of the queue,
    and runs that are not due are skipped in the index."""
    return text(f"""
WITH RECURSIVE due_tenants (tenant_id, place) AS (
    (SELECT e.tenant_id, 1 FROM executions e
     WHERE e.state IN {CLAIMABLE_STATES} AND e.tenant_id > :after AND e.resume_at <= now() AND {selected}
     ORDER BY e.tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.tenant_id FROM executions e
            WHERE e.state IN {CLAIMABLE_STATES} AND e.tenant_id > w.tenant_id AND e.resume_at <= now() AND {selected}
            ORDER BY e.tenant_id LIMIT 1), w.place + 1
    FROM due_tenants w WHERE w.tenant_id IS NOT NULL AND w.place < :free
)
SELECT tenant_id, pg_try_advisory_xact_lock(tenant_id) AS locked FROM due_tenants WHERE tenant_id IS NOT NULL
ORDER BY tenant_id
""")  # noqa: S608 - no input, only constants


def _target(execution: str) -> str:
    """SQL: the cloud and the Microsoft tenant of a run's connection."""
    return f"({execution}.connection ->> 'cloud') || '/' || lower({execution}.connection ->> 'external_tenant_id')"


def _work(selected: str) -> TextClause:
    return text(f"""
SELECT true AS under_way, 0 AS place, e.resume_at, e.run_id, e.tenant_id, e.scope_key, e.mode, e.task_type,
       {_target("e")} AS target
FROM executions e
WHERE e.state IN {LEASED_STATES} AND e.tenant_id = ANY (CAST(:tenants AS bigint[]))
UNION ALL
SELECT false, t.place, c.resume_at, c.run_id, c.tenant_id, c.scope_key, c.mode, c.task_type, {_target("c")}
FROM unnest(CAST(:tenants AS bigint[])) WITH ORDINALITY AS t (tenant_id, place)
CROSS JOIN LATERAL (
    SELECT e.* FROM executions e
    WHERE e.state IN {CLAIMABLE_STATES} AND e.tenant_id = t.tenant_id AND e.resume_at <= now() AND {selected}
      AND e.task_type = ANY (CAST(:task_types AS text[]))
    ORDER BY e.resume_at, e.run_id LIMIT :window
) c
ORDER BY place, resume_at, run_id
""")  # noqa: S608 - no input, only constants


_NEXT_TENANTS = {selection: _next_tenants(selected) for selection, selected in _SELECTED.items()}
_WORK = {selection: _work(selected) for selection, selected in _SELECTED.items()}
_ISOLATED_DUE = text(f"""
SELECT EXISTS (SELECT FROM executions e
               WHERE e.state IN {CLAIMABLE_STATES} AND e.resume_at <= now() AND {_SELECTED[Selection.ISOLATED]})
""")  # noqa: S608 - no input, only constants

_CLAIM = text(f"""
WITH picked AS MATERIALIZED (
    SELECT e.run_id, e.tenant_id
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tenant_ids AS bigint[])) AS g (run_id, tenant_id)
    JOIN executions e ON e.run_id = g.run_id AND e.tenant_id = g.tenant_id
    WHERE e.state IN {CLAIMABLE_STATES} AND e.resume_at <= now()
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e SKIP LOCKED
)
UPDATE executions e
SET state = 'running', attempt = e.attempt + 1, lease_token = nextval('lease_tokens'),
    lease_expires_at = now() + make_interval(secs => :lease), worker = :worker,
    started_at = coalesce(e.started_at, now()), progress = NULL, reason_code = NULL, message = NULL,
    payload = NULL
FROM picked WHERE e.run_id = picked.run_id AND e.tenant_id = picked.tenant_id
RETURNING {COLUMNS}, e.lease_token, CAST(e.connection AS text) AS connection, e.time_limit, e.max_attempts, e.excused,
          e.created_at, e.woken_at, e.previously_ok, CAST(e.inputs AS text) AS inputs, now() AS claimed_at
""")  # noqa: S608 - no input, only a constant of ours

_mode = functools.cache(Mode)

_WINDOW = 100
"""Maximum number of a tenant's oldest due runs that are considered for one claim."""


class DueTenant(NamedTuple):
    """A tenant with due runs; ``locked``: this transaction holds the tenant's advisory lock."""

    tenant_id: int
    locked: bool


async def next_tenants(tx: AsyncConnection, after: int, limit: int, selection: Selection) -> list[DueTenant]:
    """Return up to ``limit`` tenants with due runs and ids greater than ``after``, by id. Lock those that are free."""
    rows = await tx.execute(_NEXT_TENANTS[selection], {"after": after, "free": limit})
    return [DueTenant(row.tenant_id, row.locked) for row in rows.all()]


async def work_of(
    tx: AsyncConnection, tenants: Sequence[int], task_types: Sequence[str], selection: Selection
) -> tuple[list[GuardedRun], list[GuardedRun]]:
    """Return the runs of locked tenants: those in progress, and the oldest due ones of ``task_types``, oldest first."""
    values = {"tenants": list(tenants), "task_types": list(task_types), "window": _WINDOW}
    running: list[GuardedRun] = []
    candidates: list[GuardedRun] = []
    for row in (await tx.execute(_WORK[selection], values)).all():
        run = GuardedRun(row.run_id, row.tenant_id, row.scope_key, _mode(row.mode), row.task_type, row.target)
        (running if row.under_way else candidates).append(run)
    return running, candidates


async def claim_runs(
    tx: AsyncConnection, runs: Sequence[RunKey], worker: str, lease_seconds: float
) -> tuple[Claim, ...]:
    """Write a lease of ``worker`` with a new fencing token for each of these runs that is still due and not locked."""
    arrays = {"run_ids": [run for run, _ in runs], "tenant_ids": [tenant for _, tenant in runs]}
    values = {**arrays, "worker": worker, "lease": lease_seconds}
    return tuple([to_claim(row) for row in (await tx.execute(_CLAIM, values)).all()])


async def isolated_runs_due(tx: AsyncConnection) -> bool:
    """Return True if a run is due that must be executed apart from others."""
    return bool(await tx.scalar(_ISOLATED_DUE))
