"""The SQL that reads evidence: a page of a list, one item, and a page of a chain."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from evidence_store.domain.chain import Head, StoredEvidence
from evidence_store.domain.paging import EvidenceFilter
from evidence_store.store.tables import evidence
from onboarding_shared.contracts.types import MAX_ID

PAGE_BYTES = 4 * 1024 * 1024
"""Size of a page in bytes at which it ends, to limit memory. The last item may exceed it."""

_CHAIN_ROWS = 500

# Head and rows are read in one snapshot, so that concurrent inserts do not look like a break.
_CHAIN = text("""
SELECT head.length AS head_length, head.seal AS head_seal, page.*
FROM (SELECT 1) AS single_row
LEFT JOIN evidence_heads head ON head.tenant_id = :tenant_id
LEFT JOIN LATERAL (
    SELECT id, tenant_id, position, run_id, task_type, status, reason_code, session_id, recorded_at,
           record, previous_seal, seal, sum(octet_length(record)) OVER (ORDER BY position) AS bytes
    FROM (SELECT * FROM evidence WHERE tenant_id = :tenant_id AND position > :after
          ORDER BY position LIMIT :rows) AS next
) page ON page.bytes - octet_length(page.record) < :bytes
ORDER BY page.position
""")


_RECORDS = text("""
SELECT id, position, run_id, record, previous_seal, seal
FROM (SELECT id, position, run_id, record, previous_seal, seal,
             sum(octet_length(record)) OVER (ORDER BY position) AS bytes
      FROM evidence WHERE tenant_id = :tenant_id AND run_id = ANY(CAST(:run_ids AS bigint[]))) AS sized
WHERE bytes - octet_length(record) < :bytes
ORDER BY position
""")


class RecordOfRun(NamedTuple):
    """A sealed record, and the run that it is of."""

    id: int
    position: int
    run_id: int
    record: bytes
    previous_seal: bytes
    seal: bytes


class EvidenceItem(NamedTuple):
    """One row: the sealed record and the two seals. The fields of an item are read from the record."""

    position: int
    record: bytes
    previous_seal: bytes
    seal: bytes


class Page(NamedTuple):
    """Items, newest first; ``more`` is True if older items follow."""

    items: Sequence[EvidenceItem]
    more: bool


class ChainPage(NamedTuple):
    """The next rows of a chain in order, and its head in the same snapshot. A page without rows is the last one."""

    rows: Sequence[StoredEvidence]
    head: Head | None


_ITEM = (evidence.c.position, evidence.c.record, evidence.c.previous_seal, evidence.c.seal)


async def read_page(
    tx: AsyncConnection, tenant_id: int, wanted: EvidenceFilter, *, below: int | None, limit: int
) -> Page:
    """Return up to ``limit`` items and about 4 MiB, newest first, at positions less than ``below``."""
    newest = _wanted(tenant_id, wanted, below).order_by(evidence.c.position.desc()).limit(limit + 1).subquery()
    size = func.octet_length(newest.c.record)
    total = func.sum(size).over(order_by=newest.c.position.desc())
    sized = select(newest, (total - size).label("before"), func.count().over().label("total")).subquery()
    columns = (sized.c.position, sized.c.record, sized.c.previous_seal, sized.c.seal, sized.c.total)
    query = select(*columns).where(sized.c.before < PAGE_BYTES).order_by(sized.c.position.desc()).limit(limit)
    rows = (await tx.execute(query)).all()
    items = [_item(row) for row in rows]
    return Page(items, more=bool(rows) and rows[0].total > len(items))


async def read_item(tx: AsyncConnection, tenant_id: int, evidence_id: int) -> EvidenceItem | None:
    """Return one item, or None if the tenant does not have it."""
    query = select(*_ITEM).where(evidence.c.id == evidence_id, evidence.c.tenant_id == tenant_id)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _item(row)


async def read_records(tx: AsyncConnection, tenant_id: int, run_ids: Sequence[int]) -> list[RecordOfRun]:
    """Return the records of these runs by position, about 4 MiB at most."""
    rows = await tx.execute(_RECORDS, {"tenant_id": tenant_id, "run_ids": list(run_ids), "bytes": PAGE_BYTES})
    return [RecordOfRun(*row) for row in rows]


async def read_chain(tx: AsyncConnection, tenant_id: int, *, after: int | None) -> ChainPage:
    """Return up to 500 rows and about 4 MiB at positions greater than ``after``; None = from the first row."""
    start = -MAX_ID - 1 if after is None else after
    parameters = {"tenant_id": tenant_id, "after": start, "rows": _CHAIN_ROWS, "bytes": PAGE_BYTES}
    rows = (await tx.execute(_CHAIN, parameters)).all()
    head = None if rows[0].head_length is None else Head(rows[0].head_length, rows[0].head_seal)
    return ChainPage([_stored(row) for row in rows if row.id is not None], head)


async def read_clock(tx: AsyncConnection) -> datetime:
    """The time of the transaction."""
    return (await tx.execute(select(func.now()))).scalar_one()


def _wanted(tenant_id: int, wanted: EvidenceFilter, below: int | None) -> Select[Any, Any, Any, Any]:
    # Only the given conditions are added: with "IS NULL OR" conditions the planner would not use the indexes.
    query = select(*_ITEM).where(evidence.c.tenant_id == tenant_id)
    for column in ("task_type", "status", "reason_code", "session_id", "run_id"):
        value = getattr(wanted, column)
        if value is not None:
            query = query.where(evidence.c[column] == value)
    if wanted.since is not None:
        query = query.where(evidence.c.recorded_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(evidence.c.recorded_at < wanted.until)
    if below is not None:
        query = query.where(evidence.c.position < below)
    return query


def _item(row: Row[*tuple[Any, ...]]) -> EvidenceItem:
    return EvidenceItem(row.position, row.record, row.previous_seal, row.seal)


def _stored(row: Row[tuple[object, ...]]) -> StoredEvidence:
    return StoredEvidence(**{name: getattr(row, name) for name in StoredEvidence._fields})
