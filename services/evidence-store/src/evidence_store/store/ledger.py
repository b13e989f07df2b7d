"""The SQL that appends to chains: a batch is locked, read, and inserted with its messages, in one statement each."""

import functools
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from evidence_store.domain.admission import RunKey
from evidence_store.domain.chain import GENESIS, Head, StoredEvidence
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.types import CheckStatus
from onboarding_shared.messaging.changes import Change

# ON CONFLICT DO UPDATE locks an existing row even if its WHERE is false. Rows are locked in the order of tenant ids.
_LOCK = text("""
INSERT INTO evidence_heads AS h (tenant_id, length, seal)
SELECT tenant_id, 0, CAST(:genesis AS bytea) FROM unnest(CAST(:tenants AS bigint[])) AS t (tenant_id) ORDER BY tenant_id
ON CONFLICT (tenant_id) DO UPDATE SET length = h.length WHERE false
""")

# LATERAL … LIMIT makes the planner use the indexes even in a generic plan that was cached while the tables were small.
# statement_timestamp(), not now(): it is read after the locks were acquired, so times in a chain never decrease.
_READ = text("""
SELECT wanted.tenant_id, wanted.run_id, head.length, head.seal AS head_seal,
       kept.id, kept.position, kept.task_type, kept.status, kept.reason_code,
       kept.recorded_at, kept.seal,
       CASE WHEN kept.id IS NULL THEN nextval('evidence_ids') END AS new_id, statement_timestamp() AS now
FROM unnest(CAST(:tenants AS bigint[]), CAST(:runs AS bigint[])) AS wanted (tenant_id, run_id)
CROSS JOIN LATERAL (SELECT h.length, h.seal FROM evidence_heads h WHERE h.tenant_id = wanted.tenant_id LIMIT 1) head
LEFT JOIN LATERAL (SELECT e.* FROM evidence e
                   WHERE e.run_id = wanted.run_id AND e.tenant_id = wanted.tenant_id LIMIT 1) kept ON true
""")

# One statement, because rows and heads must change together; the triggers run after both changes.
_APPENDED = """updated AS (
    UPDATE evidence_heads h SET length = n.length, seal = n.seal
    FROM unnest(CAST(:head_tenants AS bigint[]), CAST(:head_lengths AS bigint[]), CAST(:head_seals AS bytea[]))
         AS n (tenant_id, length, seal)
    WHERE h.tenant_id = n.tenant_id AND h.tenant_id = ANY (CAST(:head_tenants AS bigint[]))
), appended AS (
    INSERT INTO evidence (id, tenant_id, position, run_id, task_type, status, reason_code, session_id, recorded_at,
                          record, previous_seal, seal)
    SELECT * FROM unnest(CAST(:id AS bigint[]), CAST(:tenant_id AS bigint[]), CAST(:position AS bigint[]),
                         CAST(:run_id AS bigint[]), CAST(:task_type AS text[]), CAST(:status AS text[]),
                         CAST(:reason_code AS text[]), CAST(:session_id AS bigint[]),
                         CAST(:recorded_at AS timestamptz[]), CAST(:record AS bytea[]),
                         CAST(:previous_seal AS bytea[]), CAST(:seal AS bytea[]))
),"""


_status = functools.cache(CheckStatus)


class ChainSnapshot(NamedTuple):
    """The heads of locked chains, evidence of the runs that exists already, ids for new evidence, and the time."""

    heads: dict[int, Head]
    kept: dict[RunKey, EvidenceRecorded]
    new_ids: list[int]
    now: datetime


async def lock(tx: AsyncConnection, tenant_ids: Iterable[int]) -> None:
    """Lock the chains of these tenants until the end of the transaction; create missing chains."""
    await tx.execute(_LOCK, {"tenants": sorted(set(tenant_ids)), "genesis": GENESIS})


async def read_snapshot(tx: AsyncConnection, results: Sequence[RunFinished]) -> ChainSnapshot:
    """Read the locked chains for results of different runs, at least one. ``new_ids`` are ascending."""
    rows = (
        await tx.execute(
            _READ,
            {"tenants": [result.tenant_id for result in results], "runs": [result.run_id for result in results]},
        )
    ).all()
    return ChainSnapshot(
        heads={row.tenant_id: Head(row.length, row.head_seal) for row in rows},
        kept={(row.run_id, row.tenant_id): _recorded(row) for row in rows if row.id is not None},
        new_ids=sorted([row.new_id for row in rows if row.new_id is not None]),
        now=rows[0].now,
    )


def appended(rows: Sequence[StoredEvidence], heads: dict[int, Head]) -> Change:
    """Insert the rows, at least one, and update the heads of their chains, in the statement of their messages."""
    columns = dict(zip(StoredEvidence._fields, map(list, zip(*rows, strict=True)), strict=True))
    return Change(
        _APPENDED,
        {
            **columns,
            "head_tenants": list(heads),
            "head_lengths": [head.length for head in heads.values()],
            "head_seals": [head.seal for head in heads.values()],
        },
    )


def _recorded(row: Row[tuple[object, ...]]) -> EvidenceRecorded:
    return EvidenceRecorded(
        tenant_id=row.tenant_id,
        evidence_id=row.id,
        run_id=row.run_id,
        task_type=row.task_type,
        status=_status(row.status),
        reason_code=row.reason_code,
        position=row.position,
        seal=row.seal.hex(),
        recorded_at=row.recorded_at,
    )
