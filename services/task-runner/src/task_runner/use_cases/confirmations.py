"""Publishes results again until evidence-store confirms them."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.messaging.changes import Change, OneStatement
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.execution import describe
from task_runner.store.confirmations import confirmed, take_unconfirmed


class Confirmations:
    """Publishes RunFinished again for unconfirmed results, at intervals that double up to 10 minutes."""

    def __init__(self, database: Database, outbox: Outbox, *, confirm_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._confirm_seconds = confirm_seconds

    async def resend(self) -> int:
        """Publish one batch of due results again; return their number. Raise ``DatabaseUnavailable``."""

        async def work(tx: AsyncConnection) -> int:
            due = await take_unconfirmed(tx, self._confirm_seconds)
            await self._outbox.append(
                tx, [Outgoing(describe(run), run.traceparent, mac_key=run.run_key) for run in due]
            )
            return len(due)

        return await self._database.run(work)


def _confirmed(batch: Sequence[Received]) -> Change:
    return confirmed(
        [
            (received.message.run_id, received.tenant_id)
            for received in batch
            if isinstance(received.message, EvidenceRecorded)
        ]
    )


apply_confirmations = OneStatement(_confirmed)
"""Marks the results that evidence-store has recorded as confirmed. Idempotent."""
