"""Results are published again until the evidence store confirms them."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.execution import describe
from task_runner.store.confirmations import confirm_results, take_unconfirmed


class Confirmations:
    """Publishes RunFinished again for runs whose result is not confirmed, at doubling intervals up to ten minutes."""

    def __init__(self, database: Database, outbox: Outbox, *, confirm_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._confirm_seconds = confirm_seconds

    async def resend(self) -> int:
        """Publish what is due again; returns how many, at most a batch. Raises ``DatabaseUnavailable``."""

        async def work(tx: AsyncConnection) -> int:
            due = await take_unconfirmed(tx, self._confirm_seconds)
            await self._outbox.append(tx, [Outgoing(describe(run), run.traceparent) for run in due])
            return len(due)

        return await self._database.run(work)


async def apply_confirmations(tx: AsyncConnection, batch: Sequence[Received]) -> None:
    """Store which results the evidence store has recorded. Safe to run twice."""
    runs = [
        (received.message.run_id, received.tenant_id)
        for received in batch
        if isinstance(received.message, EvidenceRecorded)
    ]
    if runs:
        await confirm_results(tx, runs)
