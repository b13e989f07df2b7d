"""SQL of the inbox: the last applied sequence of each tenant and topic."""

import functools
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.messaging.changes import NO_CHANGE, Change
from onboarding_shared.postgres.database import Database

SequenceKey = tuple[int, str]
"""Tenant id and topic name."""


class Series(NamedTuple):
    """Sequences without a gap, from ``first`` to ``last``."""

    first: int
    last: int


_NO_SERIES = (None, None)


@functools.cache
def _continue(queries: str) -> TextClause:
    """A row that another transaction has locked is read again after the wait. A key without a series has no bounds."""
    return text(f"""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:tenants AS bigint[]), CAST(:topics AS text[]), CAST(:firsts AS bigint[]),
                         CAST(:lasts AS bigint[])) AS g (tenant_id, topic, first, last)
), marked AS MATERIALIZED (
    SELECT s.tenant_id, s.topic, s.last_sequence, s.last_sequence = g.first - 1 AS continued, g.last
    FROM given g JOIN inbox_sequences s USING (tenant_id, topic)
    ORDER BY s.tenant_id, s.topic FOR UPDATE OF s
), moved AS (
    UPDATE inbox_sequences s SET last_sequence = m.last
    FROM marked m WHERE s.tenant_id = m.tenant_id AND s.topic = m.topic AND m.continued
), begun AS (
    INSERT INTO inbox_sequences (tenant_id, topic, last_sequence)
    SELECT tenant_id, topic, last FROM given WHERE first = 1 ORDER BY tenant_id, topic
    ON CONFLICT (tenant_id, topic) DO NOTHING
    RETURNING tenant_id, topic
), continued AS (
    SELECT tenant_id FROM marked WHERE continued UNION ALL SELECT tenant_id FROM begun
), {queries} marks AS (
    SELECT tenant_id, topic, last_sequence, continued IS TRUE AS continued FROM marked
    UNION ALL
    SELECT tenant_id, topic, 0, true FROM begun
)
SELECT * FROM marks
""")  # noqa: S608 - no input, only constants


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


class Marks(NamedTuple):
    """The last applied sequences as they were, and the keys whose series continued them, which are set."""

    before: dict[SequenceKey, int]
    continued: set[SequenceKey]


async def continue_series(
    tx: AsyncConnection, keys: Iterable[SequenceKey], series: Mapping[SequenceKey, Series], change: Change = NO_CHANGE
) -> Marks:
    """Lock the last applied sequence of each key, and set it where the series of the key continues it.

    The ``change`` of a batch of one topic is made for the tenants of these keys. The lock order is fixed. A key that
    has none is in neither part of the result, nor is one whose first sequence another transaction has just stored.
    """
    ordered = sorted(keys)
    tenants, topics = _columns(ordered)
    bounds = [series.get(key, _NO_SERIES) for key in ordered]
    firsts, lasts = [first for first, _ in bounds], [last for _, last in bounds]
    values = {"tenants": tenants, "topics": topics, "firsts": firsts, "lasts": lasts, **change.values}
    rows = await tx.execute(_continue(change.queries), values)
    marks = Marks({}, set())
    for tenant_id, topic, last, continued in rows.all():
        marks.before[tenant_id, topic] = last
        if continued:
            marks.continued.add((tenant_id, topic))
    return marks


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
