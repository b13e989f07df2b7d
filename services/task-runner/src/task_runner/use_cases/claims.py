"""Claim due runs for a worker: lease, fencing token and RunStarted in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.claiming import choose
from task_runner.domain.execution import started
from task_runner.store.claims import claim_runs, next_tenants, work_of
from task_runner.store.rows import Claim


@dataclass(frozen=True, slots=True)
class Claimed:
    """The runs that were claimed. With ``more`` another claim at once may find others."""

    claims: tuple[Claim, ...]
    more: bool


class RunClaims:
    """Claims due runs for one worker, in round robin over the tenants."""

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
        """True if the current round through all tenants found a run, or a tenant that another worker held."""

    async def claim(self, free: int) -> Claimed:
        """Claim up to ``free`` runs, and publish RunStarted for each. Raises ``DatabaseUnavailable``.

        If the outcome of the COMMIT is unknown, leases may exist that no worker renews: they expire.
        """
        after = self._after
        async with self._database.transaction() as tx:
            tenants = await next_tenants(tx, after, free)
            locked = [tenant.tenant_id for tenant in tenants if tenant.locked]
            claims = await self._claim_of(tx, locked, free) if locked else ()
        self._after = tenants[-1].tenant_id if len(tenants) == free else -1
        contended = len(locked) < len(tenants)
        return Claimed(claims, more=self._goes_on(after, fruitful=bool(claims) or contended) or contended)

    def _goes_on(self, after: int, *, fruitful: bool) -> bool:
        """True if the worker should claim again at once: tenants remain in this round, or the round found work.

        After a fruitless round the worker sleeps one poll interval: runs that are due but may not start yet are
        read again by every claim.
        """
        self._fruitful = self._fruitful or fruitful
        if self._after != -1:
            return True
        again, self._fruitful = after != -1 and self._fruitful, False
        return again

    async def _claim_of(self, tx: AsyncConnection, tenants: list[int], free: int) -> tuple[Claim, ...]:
        """Claim runs of these locked tenants: no other worker claims runs of theirs until the commit."""
        running, candidates = await work_of(tx, tenants, self._task_types)
        chosen = choose(candidates, running, free=free, tenant_limit=self._tenant_limit)
        if not chosen:
            return ()
        run_ids = [work.run_id for work in chosen]
        claims = await claim_runs(tx, run_ids, self._worker, self._lease_seconds)
        await self._outbox.append(
            tx,
            [Outgoing(started(claim.execution, claim.claimed_at), claim.execution.traceparent) for claim in claims],
        )
        return claims
