"""Verifies a whole chain, one page per transaction."""

import asyncio

from sqlalchemy.ext.asyncio import AsyncConnection

from evidence_store.domain.verification import Anchor, ChainReader, ChainVerdict
from evidence_store.metrics import CHAIN_BREAKS
from evidence_store.store.reading import ChainPage, read_chain
from onboarding_shared.postgres.database import Database

MAX_CONCURRENT = 2


class Verifier:
    """Verifies at most two chains at a time, because the cost of a verification grows with the length of the chain."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)

    async def verify(self, tenant_id: int, anchor: Anchor | None) -> ChainVerdict:
        """Verify the tenant's chain up to its last record at the time of reading."""
        verdict = await self._read(tenant_id, anchor)
        if verdict.broken is not None:
            CHAIN_BREAKS.labels(verdict.broken.kind.value, "no" if anchor is None else "yes").inc()
        return verdict

    async def _read(self, tenant_id: int, anchor: Anchor | None) -> ChainVerdict:
        async with self._slots:
            reader = ChainReader(tenant_id, anchor)
            after: int | None = None
            while True:
                page = await self._page(tenant_id, after)
                if not page.rows:
                    return reader.finish(page.head)
                reader.read(page.rows)
                if reader.broken:
                    return reader.finish(page.head)
                after = page.rows[-1].position
                await asyncio.sleep(0)

    async def _page(self, tenant_id: int, after: int | None) -> ChainPage:
        async def read(tx: AsyncConnection) -> ChainPage:
            return await read_chain(tx, tenant_id, after=after)

        return await self._database.run(read)
