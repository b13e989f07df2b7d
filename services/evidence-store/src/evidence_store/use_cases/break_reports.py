"""Publishes the breaks that verifications find, as audit events."""

import time
from collections import OrderedDict
from collections.abc import Callable

from sqlalchemy.ext.asyncio import AsyncConnection

from evidence_store.domain.verification import Break, BreakKind
from evidence_store.store.reading import read_clock
from onboarding_shared.contracts.audit import EvidenceBroken
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent

PAUSE_SECONDS = 60.0
"""At most once in this time is the same kind of break of a tenant published: a reader may verify with wrong anchors."""
_REMEMBERED = 10_000

Clock = Callable[[], float]


class BreakReports:
    """Stores the event of a break in the outbox."""

    def __init__(self, database: Database, outbox: Outbox, *, clock: Clock = time.monotonic) -> None:
        self._database = database
        self._outbox = outbox
        self._clock = clock
        self._published: OrderedDict[tuple[int, BreakKind, bool], float] = OrderedDict()

    async def report(self, tenant_id: int, user_id: int, broken: Break, *, anchored: bool) -> None:
        """Publish a break that this user's verification found, unless an event of its kind was published just now."""
        key = (tenant_id, broken.kind, anchored)
        now = self._clock()
        if now - self._published.get(key, -PAUSE_SECONDS) < PAUSE_SECONDS:
            return

        async def work(tx: AsyncConnection) -> None:
            event = EvidenceBroken(
                tenant_id=tenant_id,
                by_user_id=user_id,
                occurred_at=await read_clock(tx),
                position=broken.position,
                evidence_id=broken.evidence_id,
                kind=broken.kind.value,
                anchored=anchored,
            )
            await self._outbox.append(tx, [Outgoing(event, current_traceparent())])

        await self._database.run(work)
        self._published[key] = now
        self._published.move_to_end(key)
        if len(self._published) > _REMEMBERED:
            self._published.popitem(last=False)
