"""Takes waiting runs for a worker: lease, fencing token and RunStarted in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import Mode
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.claiming import Work, choose
from task_runner.domain.execution import started
from task_runner.store.rows import COLUMNS, Claim, to_claim

_NEXT_TENANTS = text("""
WITH RECURSIVE walk (tenant_id, place) AS (
    (SELECT tenant_id, 1 FROM executions
     WHERE state IN ('queued', 'waiting') AND tenant_id > :after AND resume_at <= now() ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT e.tenant_id FROM executions e
            WHERE e.state IN ('queued', 'waiting') AND e.tenant_id > w.tenant_id AND e.resume_at <= now()
            ORDER BY e.tenant_id LIMIT 1), w.place + 1
    FROM walk w WHERE w.tenant_id IS NOT NULL AND w.place < :free
)
SELECT tenant_id, pg_try_advisory_xact_lock(tenant_id) AS locked FROM walk WHERE tenant_id IS NOT NULL
ORDER BY tenant_id
""")
"""A walk over the index from tenant to tenant with work that is due: a long queue costs no more than a short one, and
runs that wait for their time are passed over inside the index."""

_WORK = text("""
SELECT true AS under_way, 0 AS place, e.resume_at, e.run_id, e.tenant_id, e.scope_key, e.mode, e.task_type
FROM executions e
WHERE e.state IN ('running', 'cancelling') AND e.tenant_id = ANY (CAST(:tenants AS bigint[]))
UNION ALL
SELECT false, t.place, c.resume_at, c.run_id, c.tenant_id, c.scope_key, c.mode, c.task_type
FROM unnest(CAST(:tenants AS bigint[])) WITH ORDINALITY AS t (tenant_id, place)
CROSS JOIN LATERAL (
    SELECT e.* FROM executions e
    WHERE e.state IN ('queued', 'waiting') AND e.tenant_id = t.tenant_id AND e.resume_at <= now()
      AND e.task_type = ANY (CAST(:task_types AS text[]))
    ORDER BY e.resume_at, e.run_id LIMIT :window
) c
ORDER BY place, resume_at, run_id
""")

_CLAIM = text(f"""
WITH picked AS MATERIALIZED (
    SELECT run_id FROM executions
    WHERE run_id = ANY (CAST(:run_ids AS bigint[])) AND state IN ('queued', 'waiting') AND resume_at <= now()
    ORDER BY tenant_id, run_id FOR UPDATE SKIP LOCKED
)
UPDATE executions e
SET state = 'running', attempt = e.attempt + 1, lease_token = nextval('lease_tokens'),
    lease_expires_at = now() + make_interval(secs => :lease), worker = :worker,
    started_at = coalesce(e.started_at, now()), progress = NULL, reason_code = NULL, message = NULL,
    payload = NULL
FROM picked WHERE e.run_id = picked.run_id
RETURNING {COLUMNS}, e.lease_token, CAST(e.connection AS text) AS connection, e.time_limit, e.max_attempts, e.excused,
          e.created_at, now() AS claimed_at
""")  # noqa: S608 - no input, only a constant of ours

_WINDOW = 100
"""How many of a tenant's oldest waiting runs are looked at for one that may start."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """The runs that were claimed. With ``more`` another claim at once may find others."""

    claims: tuple[Claim, ...]
    more: bool


class Claims:
    """One worker's way to its work. Tenants are served in turn: it remembers which one was served last."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        worker: str,
        task_types: Sequence[str],
        lease_seconds: float,
        tenant_limit: int,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._worker = worker
        self._task_types = list(task_types)
        self._lease_seconds = lease_seconds
        self._tenant_limit = tenant_limit
        self._after = -1
        self._fruitful = False
        """Whether the turn through all tenants that goes on found a run, or a tenant that another worker held."""

    async def claim(self, free: int) -> Claimed:
        """Up to ``free`` runs, each with a lease and RunStarted on its way. Raises ``DatabaseUnavailable``.

        When the COMMIT was lost with its connection, leases may stand that nobody here knows of: they run out.
        """
        after = self._after
        async with self._database.transaction() as connection:
            tenants = (await connection.execute(_NEXT_TENANTS, {"after": after, "free": free})).all()
            locked = [row.tenant_id for row in tenants if row.locked]
            claims = await self._claim_of(connection, locked, free) if locked else ()
        self._after = tenants[-1].tenant_id if len(tenants) == free else -1
        contended = len(locked) < len(tenants)
        return Claimed(claims, more=self._goes_on(after, fruitful=bool(claims) or contended) or contended)

    def _goes_on(self, after: int, *, fruitful: bool) -> bool:
        """Whether tenants are left in this turn, or it took several claims and was not in vain.

        A turn in vain is followed by a rest: what is due and may not start yet stays in the way of every look.
        """
        self._fruitful = self._fruitful or fruitful
        if self._after != -1:
            return True
        again, self._fruitful = after != -1 and self._fruitful, False
        return again

    async def _claim_of(self, connection: AsyncConnection, tenants: list[int], free: int) -> tuple[Claim, ...]:
        """The tenants are locked, so nobody else starts anything of theirs: what is read here stays true."""
        rows = await connection.execute(_WORK, {"tenants": tenants, "task_types": self._task_types, "window": _WINDOW})
        running: list[Work] = []
        candidates: list[Work] = []
        for under_way, _, _, run_id, tenant_id, scope_key, mode, task_type in rows:
            work = Work(run_id, tenant_id, scope_key, Mode(mode), task_type)
            (running if under_way else candidates).append(work)
        chosen = choose(candidates, running, free=free, tenant_limit=self._tenant_limit)
        if not chosen:
            return ()
        picked = await connection.execute(
            _CLAIM,
            {"run_ids": [work.run_id for work in chosen], "worker": self._worker, "lease": self._lease_seconds},
        )
        claims = tuple(to_claim(row) for row in picked)
        await self._outbox.append(
            connection,
            [Outgoing(started(one.execution, one.claimed_at), one.execution.traceparent) for one in claims],
        )
        return claims
