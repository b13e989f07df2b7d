"""Publishes RunStarted for the runs that last."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.execution import started
from task_runner.store.leases import held_leases
from task_runner.store.rows import Claim


class RunStarts:
    """Announces claimed runs. A run that ends at once is announced by its end alone."""

    def __init__(self, database: Database, outbox: Outbox) -> None:
        self._database = database
        self._outbox = outbox

    async def announce(self, claims: Sequence[Claim]) -> None:
        """Publish RunStarted for each of the runs whose claim is still valid, before any message about its end.

        Raise ``DatabaseUnavailable``.
        """

        async def work(tx: AsyncConnection) -> None:
            held = await held_leases(tx, [(claim.execution.run_id, claim.lease_token) for claim in claims])
            await self._outbox.append(tx, [_started(claim) for claim in claims if claim.lease_token in held])

        await self._database.run(work)


def _started(claim: Claim) -> Outgoing:
    run = claim.execution
    return Outgoing(started(run, claim.claimed_at), run.traceparent, mac_key=run.run_key)
