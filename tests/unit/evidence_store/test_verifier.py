"""The order of verifications among tenants and callers, with a database that answers when the test says so."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from evidence_store.domain.chain import StoredEvidence
from evidence_store.domain.verification import Anchor
from evidence_store.store.reading import ChainPage
from evidence_store.use_cases import verification
from evidence_store.use_cases.verification import Verifier
from tests.support.evidence_chains import chain_of

ROWS, HEAD = chain_of(3)


class SlowChains:
    """Pages of one record; each page waits for a permission of the test."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int | None]] = []
        self._permissions = asyncio.Semaphore(0)

    def permit(self, pages: int) -> None:
        for _ in range(pages):
            self._permissions.release()

    async def read(self, _: Any, tenant_id: int, *, after: int | None) -> ChainPage:
        self.asked.append((tenant_id, after))
        await self._permissions.acquire()
        rest: Sequence[StoredEvidence] = ROWS[after or 0 :]
        return ChainPage(list(rest[:1]), HEAD)

    async def run(self, work: Any) -> Any:
        return await work(None)


@pytest.fixture
def chains(monkeypatch: pytest.MonkeyPatch) -> SlowChains:
    chains = SlowChains()
    monkeypatch.setattr(verification, "read_chain", chains.read)
    return chains


@pytest.fixture
def verifier(chains: SlowChains) -> Verifier:
    return Verifier(chains)  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def anchor(number: int) -> Anchor:
    return Anchor(number, ROWS[number - 1].seal)


async def test_one_tenant_has_one_verification_at_a_time(verifier: Verifier, chains: SlowChains) -> None:
    busy = [asyncio.create_task(verifier.verify(42, anchor(number))) for number in (1, 2, 3)]
    neighbour = asyncio.create_task(verifier.verify(43, None))
    await settle()
    assert chains.asked == [(42, None), (43, None)]

    chains.permit(2)
    await neighbour
    assert [task.done() for task in busy] == [False, False, False]
    chains.permit(100)
    assert [(await task).length for task in busy] == [3, 3, 3]


async def test_equal_requests_share_the_verification_that_begins_after_them(
    verifier: Verifier, chains: SlowChains
) -> None:
    first = asyncio.create_task(verifier.verify(42, None))
    await settle()
    others = [asyncio.create_task(verifier.verify(42, None)) for _ in range(30)]
    chains.permit(1000)
    assert {(await task).length for task in [first, *others]} == {3}
    assert chains.asked.count((42, None)) == 2


async def test_a_verification_ends_when_its_last_caller_has_left(verifier: Verifier, chains: SlowChains) -> None:
    callers = [asyncio.create_task(verifier.verify(42, None)) for _ in range(2)]
    await settle()
    callers[0].cancel()
    chains.permit(1)
    await settle()
    assert chains.asked == [(42, None), (42, 1)]
    callers[1].cancel()
    chains.permit(10)
    await settle()
    assert chains.asked == [(42, None), (42, 1)]


async def test_a_request_that_was_left_before_its_turn_reads_nothing(verifier: Verifier, chains: SlowChains) -> None:
    first = asyncio.create_task(verifier.verify(42, None))
    await settle()
    second = asyncio.create_task(verifier.verify(42, None))
    await settle()
    second.cancel()
    chains.permit(100)
    assert (await first).length == 3
    await settle()
    assert chains.asked.count((42, None)) == 1
    assert verifier._not_begun == {}


async def test_a_fault_reaches_every_caller_and_frees_the_place(
    verifier: Verifier, chains: SlowChains, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> ChainPage:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr(verification, "read_chain", broken)
        callers = [asyncio.create_task(verifier.verify(42, None)) for _ in range(2)]
        results = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(result) for result in results] == [ConnectionError, ConnectionError]
    chains.permit(4)
    assert (await verifier.verify(42, None)).broken is None
