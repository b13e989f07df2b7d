"""The SQL of leases: renews them, and reads the expired ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.task_runner import Progress
from onboarding_shared.contracts.types import RunState
from task_runner.domain.execution import Execution
from task_runner.domain.leases import LostLease
from task_runner.store.rows import COLUMNS, to_execution
from task_runner.store.states import LEASED_STATES

_RENEW = text(f"""
WITH held AS MATERIALIZED (
    SELECT e.run_id, e.tenant_id, g.progress
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tokens AS bigint[]), CAST(:progress AS text[]))
        AS g (run_id, token, progress)
    JOIN executions e ON e.run_id = g.run_id AND e.lease_token = g.token
    WHERE e.state IN {LEASED_STATES}
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
)
UPDATE executions e
SET lease_expires_at = now() + make_interval(secs => :lease),
    progress = coalesce(CAST(h.progress AS json), e.progress)
FROM held h WHERE e.run_id = h.run_id AND e.tenant_id = h.tenant_id
RETURNING {COLUMNS}, e.lease_token, h.progress IS NOT NULL AS progressed
""")  # noqa: S608 - no input, only constants

_HELD = text(f"""
SELECT e.lease_token
FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tokens AS bigint[])) AS g (run_id, token)
JOIN executions e ON e.run_id = g.run_id AND e.lease_token = g.token
WHERE e.state IN {LEASED_STATES}
ORDER BY e.tenant_id, e.run_id FOR NO KEY UPDATE OF e
""")  # noqa: S608 - no input, only constants

_LOST = text(f"""
SELECT run_id, lease_token, state, losses FROM executions
WHERE state IN {LEASED_STATES} AND lease_expires_at < now()
ORDER BY tenant_id, run_id LIMIT :batch FOR UPDATE SKIP LOCKED
""")  # noqa: S608 - no input, only constants

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Held:
    """A lease to renew; ``progress`` is None if it has not changed since the last renewal."""

    run_id: int
    lease_token: int
    progress: Progress | None


class Renewed(NamedTuple):
    """A run whose lease was renewed; ``progressed``: its progress was updated too."""

    execution: Execution
    lease_token: int
    progressed: bool


async def renew_leases(tx: AsyncConnection, held: Sequence[Held], lease_seconds: float) -> list[Renewed]:
    """Renew the leases that are still valid. The result omits the others."""
    values = {
        "run_ids": [lease.run_id for lease in held],
        "tokens": [lease.lease_token for lease in held],
        "progress": [_json(lease.progress) for lease in held],
        "lease": lease_seconds,
    }
    return [Renewed(to_execution(row), row.lease_token, row.progressed) for row in await tx.execute(_RENEW, values)]


async def held_leases(tx: AsyncConnection, holdings: Sequence[tuple[int, int]]) -> frozenset[int]:
    """Lock those of these runs, given with a lease token, that nobody settled or claimed since; return their tokens."""
    values = {"run_ids": [run_id for run_id, _ in holdings], "tokens": [token for _, token in holdings]}
    return frozenset(await tx.scalars(_HELD, values))


async def take_expired_leases(tx: AsyncConnection) -> list[LostLease]:
    """Lock and return a batch of runs whose lease has expired by the clock of the database."""
    rows = await tx.execute(_LOST, {"batch": _BATCH})
    return [
        LostLease(run_id=row.run_id, lease_token=row.lease_token, state=RunState(row.state), losses=row.losses)
        for row in rows
    ]


def _json(progress: Progress | None) -> str | None:
    return None if progress is None else msgspec.json.encode(progress).decode()
