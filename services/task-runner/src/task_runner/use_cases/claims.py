"""Claims due runs for a worker. Lease and fencing token are written in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database
from task_runner.domain.claiming import choose
from task_runner.domain.leases import Selection
from task_runner.store.claims import claim_runs, next_tenants, work_of
from task_runner.store.rows import Claim


@dataclass(frozen=True, slots=True)
class Claimed:
    """The claimed runs. ``more``: there may be other due runs, so the worker should claim again immediately."""

    claims: tuple[Claim, ...]
    more: bool


class RunClaims:
    """Claims due runs for one worker, round robin over the tenants."""

    def __init__(
        self,
        database: Database,
        *,
        worker: str,
        task_types: Sequence[str],
        lease_seconds: float,
        tenant_limit: int,
        selection: Selection = Selection.ALL,
    ) -> None:
        self._database = database
        self._worker = worker
        self._task_types = list(task_types)
        self._lease_seconds = lease_seconds
        self._tenant_limit = tenant_limit
        self._selection = selection
        self._after = -1
        self._productive = False
        """True if the current round over all tenants claimed a run, or skipped a tenant locked by another worker."""

    async def claim(self, free: int) -> Claimed:
        """Claim up to ``free`` runs. Raise ``DatabaseUnavailable``.

        If the outcome of the COMMIT is unknown, there may be leases that no worker renews; they expire.
        """
        after = self._after
        async with self._database.transaction() as tx:
            tenants = await next_tenants(tx, after, free, self._selection)
            locked = [tenant.tenant_id for tenant in tenants if tenant.locked]
            claims = await self._claim_of(tx, locked, free) if locked else ()
        self._after = tenants[-1].tenant_id if len(tenants) == free else -1
        contended = len(locked) < len(tenants)
        return Claimed(claims, more=self._should_continue(after, productive=bool(claims) or contended) or contended)

    def _should_continue(self, after: int, *, productive: bool) -> bool:
        """Return True if tenants remain in this round, or if a round of several claims was productive.

        Otherwise the worker waits one poll interval, because due runs that cannot start yet would be read again by
        every claim.
        """
        self._productive = self._productive or productive
        if self._after != -1:
            return True
        start_over, self._productive = after != -1 and self._productive, False
        return start_over

    async def _claim_of(self, tx: AsyncConnection, tenants: list[int], free: int) -> tuple[Claim, ...]:
        """Claim runs of these tenants, whose advisory locks this transaction holds."""
        running, candidates = await work_of(tx, tenants, self._task_types, self._selection)
        chosen = choose(candidates, running, free=free, tenant_limit=self._tenant_limit)
        if not chosen:
            return ()
        runs = [(run.run_id, run.tenant_id) for run in chosen]
        return await claim_runs(tx, runs, self._worker, self._lease_seconds)
