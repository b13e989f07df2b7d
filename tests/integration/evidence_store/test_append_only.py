"""The database itself refuses whatever is not an append at the end of a chain, even to the service's own role."""

import hashlib
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from evidence_store.domain.admission import recorded
from evidence_store.domain.chain import EMPTY, Head, StoredEvidence, extend
from evidence_store.store import ledger
from onboarding_shared.contracts.types import CheckStatus
from tests.integration.evidence_store.store_harness import StoreHarness, idle_outbox
from tests.support.evidence_chains import NOW, TENANT, result

REFUSED = "23001"
"""SQLSTATE restrict_violation."""


async def refusal(store: StoreHarness, sql: str, **values: Any) -> str:
    with pytest.raises(DBAPIError) as refused:
        await store.rows(sql, **values)
    return str(getattr(refused.value.orig, "sqlstate", ""))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE evidence SET status = 'ok'",
        "UPDATE evidence SET status = status WHERE false",
        "DELETE FROM evidence",
        "DELETE FROM evidence WHERE false",
        "TRUNCATE evidence",
        "TRUNCATE evidence, evidence_heads",
        "INSERT INTO evidence SELECT * FROM evidence ON CONFLICT (id) DO UPDATE SET status = 'ok'",
    ],
)
async def test_evidence_is_neither_changed_nor_removed(store: StoreHarness, sql: str) -> None:
    await store.consume(result(1, status=CheckStatus.FAIL))
    before = await store.rows("SELECT * FROM evidence")
    assert await refusal(store, sql) == REFUSED
    assert await store.rows("SELECT * FROM evidence") == before


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM evidence_heads",
        "TRUNCATE evidence_heads",
        "UPDATE evidence_heads SET length = 0, seal = decode(repeat('00', 32), 'hex')",
        "UPDATE evidence_heads SET length = length - 1, seal = (SELECT seal FROM evidence WHERE position = 1)",
        "UPDATE evidence_heads SET length = length + 1",
        "UPDATE evidence_heads SET seal = sha256('x')",
        "UPDATE evidence_heads SET tenant_id = 43",
        "INSERT INTO evidence_heads VALUES (43, 5, sha256('x'))",
        "INSERT INTO evidence_heads VALUES (43, 0, sha256('x'))",
    ],
)
async def test_heads_neither_go_back_nor_move_by_themselves(store: StoreHarness, sql: str) -> None:
    await store.consume(result(1), result(2))
    before = await store.rows("SELECT * FROM evidence_heads")
    assert await refusal(store, sql) == REFUSED
    assert await store.rows("SELECT * FROM evidence_heads") == before


async def append(store: StoreHarness, rows: list[StoredEvidence], heads: dict[int, Head]) -> None:
    async with store.database.transaction() as connection:
        await ledger.lock(connection, [TENANT])
        await idle_outbox().append(connection, [recorded(row) for row in rows], ledger.appended(rows, heads))


def sealed(head: Head = EMPTY, run_id: int = 1) -> tuple[list[StoredEvidence], dict[int, Head]]:
    return extend({TENANT: head}, [result(run_id)], [run_id], NOW)


async def test_a_row_sealed_onto_its_chains_end_is_accepted(store: StoreHarness) -> None:
    rows, heads = sealed()
    await append(store, rows, heads)
    await append(store, *sealed(heads[TENANT], run_id=2))
    assert await store.rows("SELECT position FROM evidence ORDER BY 1") == [(1,), (2,)]


async def test_a_row_whose_seal_differs_from_its_bytes_is_refused(store: StoreHarness) -> None:
    rows, _ = sealed()
    wrong = rows[0]._replace(seal=hashlib.sha256(b"something else").digest())
    with pytest.raises(DBAPIError, match="not sealed onto the end"):
        await append(store, [wrong], {TENANT: Head(1, wrong.seal)})


async def test_a_row_that_leaves_a_gap_is_refused(store: StoreHarness) -> None:
    rows, heads = sealed(Head(4, bytes(32)))
    with pytest.raises(DBAPIError, match="not sealed onto the end"):
        await append(store, rows, heads)


async def test_a_row_on_another_record_than_the_last_is_refused(store: StoreHarness) -> None:
    await append(store, *sealed())
    with pytest.raises(DBAPIError, match="not sealed onto the end"):
        await append(store, *sealed(Head(1, b"\x01" * 32), run_id=2))


async def test_a_row_without_its_head_is_refused(store: StoreHarness) -> None:
    rows, _ = sealed()
    with pytest.raises(DBAPIError, match="not sealed onto the end"):
        await append(store, rows, {})


async def test_a_second_row_of_a_run_is_refused(store: StoreHarness) -> None:
    rows, heads = sealed()
    await append(store, rows, heads)
    again, moved = extend(heads, [result(1)], [2], NOW)
    with pytest.raises(DBAPIError, match="evidence_once_per_run"):
        await append(store, again, moved)


async def test_a_tenants_chain_is_locked_until_the_commit(store: StoreHarness) -> None:
    async with store.database.transaction() as first:
        await ledger.lock(first, [TENANT])
        async with store.database.transaction() as other:
            await other.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                await ledger.lock(other, [TENANT])
            await other.rollback()
