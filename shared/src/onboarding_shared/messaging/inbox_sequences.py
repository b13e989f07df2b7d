"""SQL of the inbox: the last applied sequence of each tenant and topic."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database

SequenceKey = tuple[int, str]
"""Tenant id and topic name."""

_LOCK = text("""
SELECT s.tenant_id, s.topic, s.last_sequence
FROM inbox_sequences s
JOIN unnest(CAST(:tenants AS bigint[]), CAST(:topics AS text[])) AS wanted (tenant_id, topic) USING (tenant_id, topic)
ORDER BY s.tenant_id, s.topic
FOR UPDATE OF s
""")
_ADVANCE = text("""
INSERT INTO inbox_sequences AS s (tenant_id, topic, last_sequence)
SELECT * FROM unnest(CAST(:tenants AS bigint[]), CAST(:topics AS text[]), CAST(:sequences AS bigint[]))
ON CONFLICT (tenant_id, topic) DO UPDATE SET last_sequence = GREATEST(s.last_sequence, excluded.last_sequence)
""")
_COMPARE_AND_SET = text("""
INSERT INTO inbox_sequences AS s (tenant_id, topic, last_sequence) VALUES (:tenant_id, :topic, :after)
ON CONFLICT (tenant_id, topic) DO UPDATE SET last_sequence = excluded.last_sequence WHERE s.last_sequence = :before
RETURNING now()
""")
_READ = text("SELECT last_sequence FROM inbox_sequences WHERE tenant_id = :tenant_id AND topic = :topic")


async def lock_last_applied(tx: AsyncConnection, keys: Iterable[SequenceKey]) -> dict[SequenceKey, int]:
    """Lock and return the last applied sequence of each key that has one. The lock order is fixed."""
    tenants, topics = _columns(sorted(keys))
    rows = await tx.execute(_LOCK, {"tenants": tenants, "topics": topics})
    return {(tenant_id, topic): last for tenant_id, topic, last in rows.all()}


async def advance(tx: AsyncConnection, last: Mapping[SequenceKey, int]) -> None:
    """Store the last applied sequence of each key; it never decreases."""
    if not last:
        return
    keys = sorted(last)
    tenants, topics = _columns(keys)
    await tx.execute(_ADVANCE, {"tenants": tenants, "topics": topics, "sequences": [last[key] for key in keys]})


async def last_applied(database: Database, tenant_id: int, topic: str) -> int:
    """The last applied sequence; 0 if there is none."""
    async with database.transaction() as tx:
        return (await tx.execute(_READ, {"tenant_id": tenant_id, "topic": topic})).scalar() or 0


async def compare_and_set(tx: AsyncConnection, key: SequenceKey, before: int, after: int) -> datetime | None:
    """Replace the last applied sequence ``before``; returns when, or None if it was another one meanwhile."""
    values = {"tenant_id": key[0], "topic": key[1], "before": before, "after": after}
    return (await tx.execute(_COMPARE_AND_SET, values)).scalar_one_or_none()


def _columns(keys: list[SequenceKey]) -> tuple[list[int], list[str]]:
    return [tenant_id for tenant_id, _ in keys], [topic for _, topic in keys]
