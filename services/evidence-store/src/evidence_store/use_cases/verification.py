"""Verifies whole chains, one page per transaction, and shares the effort among tenants and callers."""

import asyncio
from typing import NamedTuple
from weakref import WeakValueDictionary

from sqlalchemy.ext.asyncio import AsyncConnection

from evidence_store.domain.verification import Anchor, ChainReader, ChainVerdict
from evidence_store.metrics import CHAIN_BREAKS
from evidence_store.store.reading import ChainPage, read_chain
from onboarding_shared.postgres.database import Database

MAX_CONCURRENT = 2
"""Chains that are verified at a time, because the effort grows with the length of the chain."""


class _Wanted(NamedTuple):
    tenant_id: int
    anchor: Anchor | None


class _Verification:
    """A verification, and the number of callers that wait for it."""

    def __init__(self) -> None:
        self.callers = 0
        self.task: asyncio.Task[ChainVerdict] | None = None


class _Abandoned(Exception):
    """Nobody waits for the verification any more."""


class Verifier:
    """Verifies one chain of a tenant at a time, so that the requests of one tenant do not hold up another's.

    Equal requests share one verification that begins after all of them: its verdict is never older than a request.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._places = asyncio.Semaphore(MAX_CONCURRENT)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._not_begun: dict[_Wanted, _Verification] = {}

    async def verify(self, tenant_id: int, anchor: Anchor | None) -> ChainVerdict:
        """Verify the tenant's chain up to its last record at the time of reading.

        A cancelled caller leaves. A verification that all callers have left ends after its current page.
        """
        wanted = _Wanted(tenant_id, anchor)
        verification = self._not_begun.setdefault(wanted, _Verification())
        verification.callers += 1
        if verification.task is None:
            verification.task = asyncio.create_task(self._in_turn(wanted, verification))
            verification.task.add_done_callback(_take_result)
        try:
            return await asyncio.shield(verification.task)
        finally:
            verification.callers -= 1
            if not verification.callers and self._not_begun.get(wanted) is verification:
                del self._not_begun[wanted]
                verification.task.cancel()

    async def _in_turn(self, wanted: _Wanted, verification: _Verification) -> ChainVerdict:
        turn = self._turns.setdefault(wanted.tenant_id, asyncio.Lock())
        async with turn, self._places:
            del self._not_begun[wanted]
            verdict = await self._read(wanted, verification)
        if verdict.broken is not None:
            CHAIN_BREAKS.labels(verdict.broken.kind.value, "no" if wanted.anchor is None else "yes").inc()
        return verdict

    async def _read(self, wanted: _Wanted, verification: _Verification) -> ChainVerdict:
        reader = ChainReader(wanted.tenant_id, wanted.anchor)
        after: int | None = None
        while verification.callers:
            page = await self._page(wanted.tenant_id, after)
            if not page.rows:
                return reader.finish(page.head)
            reader.read(page.rows)
            if reader.broken:
                return reader.finish(page.head)
            after = page.rows[-1].position
            await asyncio.sleep(0)
        raise _Abandoned

    async def _page(self, tenant_id: int, after: int | None) -> ChainPage:
        async def read(tx: AsyncConnection) -> ChainPage:
            return await read_chain(tx, tenant_id, after=after)

        return await self._database.run(read)


def _take_result(task: asyncio.Task[ChainVerdict]) -> None:
    """A fault after the last caller left is nobody's."""
    if not task.cancelled():
        task.exception()
