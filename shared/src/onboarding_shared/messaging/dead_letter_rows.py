"""The SQL of stored dead letters: lists them, and records what operators do with them."""

from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.dead_letters import DeadLetterState
from onboarding_shared.messaging.dead_letter_rules import (
    HEADER_BYTES,
    HEADERS_KEPT,
    NAME_LENGTH,
    KeptContent,
    Obstacle,
    obstacle,
)

_HEADER_TEXT = -(-HEADER_BYTES // 3) * 4
"""Length of a header of the maximum length in base64."""
_FACTS = f"""
id, source_topic, partition, record_offset, reason_code, detail, recorded_at, state, replays, acted_at,
acted_by_user_id, octet_length(value) AS value_bytes, octet_length(key) AS key_bytes,
fingerprint = sha256(coalesce(key, decode('', 'hex')) || decode('00', 'hex') || coalesce(value, decode('', 'hex')))
    AS is_whole,
jsonb_array_length(headers) >= {HEADERS_KEPT}
    OR EXISTS (SELECT FROM jsonb_array_elements(headers) AS header
               WHERE length(header ->> 0) >= {NAME_LENGTH} OR length(header ->> 1) >= {_HEADER_TEXT}) AS headers_cut
"""
_LIST = text(f"""
SELECT {_FACTS} FROM dead_letters
WHERE id < :before
  AND (CAST(:topic AS text) IS NULL OR source_topic = :topic)
  AND (CAST(:reason AS text) IS NULL OR reason_code = :reason)
  AND (CAST(:state AS text) IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - no input, only constants
_GROUPS = text("""
SELECT source_topic, reason_code, count(*) AS letters, min(recorded_at) AS oldest_at, max(recorded_at) AS newest_at,
       max(id) AS example_id
FROM dead_letters WHERE state = 'kept'
GROUP BY source_topic, reason_code ORDER BY letters DESC, source_topic, reason_code LIMIT :limit
""")
_FIND = text(f"SELECT {_FACTS}, key, value, headers FROM dead_letters WHERE id = :id")  # noqa: S608 - no input, only constants
_LOCK = text(f"SELECT {_FACTS}, key, value, headers FROM dead_letters WHERE id = :id FOR UPDATE")  # noqa: S608 - no input, only constants
_ACT = text("""
UPDATE dead_letters
SET state = :state, reason_code = :reason, detail = :detail, replays = replays + :replays, acted_at = now(),
    acted_by_user_id = :user
WHERE id = :id AND state = 'kept'
RETURNING acted_at
""")
_DISCARD = text("""
WITH picked AS MATERIALIZED (
    SELECT id FROM dead_letters
    WHERE state = 'kept'
      AND (id = :id OR CAST(:id AS bigint) IS NULL AND source_topic = :topic AND reason_code = :reason)
    ORDER BY id LIMIT :limit FOR UPDATE
)
UPDATE dead_letters d SET state = 'discarded', acted_at = now(), acted_by_user_id = :user
FROM picked p WHERE d.id = p.id
RETURNING d.id, d.source_topic, d.reason_code, d.acted_at
""")
_NEXT = text("""
SELECT id FROM dead_letters WHERE state = 'kept' AND source_topic = :topic AND reason_code = :reason
ORDER BY acted_at NULLS FIRST, id LIMIT :limit
""")
_PASS = text("UPDATE dead_letters SET acted_at = now(), acted_by_user_id = :user WHERE id = :id AND state = 'kept'")
_COUNT = text("""
SELECT count(*) FROM dead_letters WHERE state = 'kept' AND source_topic = :topic AND reason_code = :reason
""")
_MAX_GROUPS = 200


class StoredLetter(Struct, frozen=True, kw_only=True):
    """A stored dead letter without its content. ``obstacle``: why it cannot be replayed."""

    id: int
    source_topic: str
    partition: int
    offset: int
    reason_code: str
    detail: str
    recorded_at: datetime
    state: DeadLetterState
    replays: int
    acted_at: datetime | None
    acted_by_user_id: int | None
    obstacle: Obstacle | None


class LetterContent(Struct, frozen=True, kw_only=True):
    """The stored content of a record."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


class LetterGroup(Struct, frozen=True, kw_only=True):
    """The kept dead letters of one topic and reason."""

    source_topic: str
    reason_code: str
    count: int
    oldest_at: datetime
    newest_at: datetime
    example_id: int


class Discarded(Struct, frozen=True, kw_only=True):
    """Dead letters of one topic and reason that were discarded together."""

    source_topic: str
    reason_code: str
    ids: tuple[int, ...]
    at: datetime


class LetterFilter(Struct, frozen=True, kw_only=True):
    """Which dead letters are listed; None = all."""

    source_topic: str | None = None
    reason_code: str | None = None
    state: DeadLetterState | None = None


async def list_letters(tx: AsyncConnection, wanted: LetterFilter, *, before: int, limit: int) -> list[StoredLetter]:
    """Return up to ``limit`` dead letters with ids less than ``before``, newest first."""
    values = {"topic": wanted.source_topic, "reason": wanted.reason_code, "state": wanted.state}
    rows = await tx.execute(_LIST, {**values, "before": before, "limit": limit})
    return [_letter(row) for row in rows]


async def list_groups(tx: AsyncConnection) -> list[LetterGroup]:
    """Return the groups of kept dead letters, the largest first."""
    rows = await tx.execute(_GROUPS, {"limit": _MAX_GROUPS})
    return [
        LetterGroup(
            source_topic=row.source_topic,
            reason_code=row.reason_code,
            count=row.letters,
            oldest_at=row.oldest_at,
            newest_at=row.newest_at,
            example_id=row.example_id,
        )
        for row in rows
    ]


async def find_letter(tx: AsyncConnection, letter_id: int) -> tuple[StoredLetter, LetterContent] | None:
    """Return one dead letter with its content."""
    return _with_content((await tx.execute(_FIND, {"id": letter_id})).one_or_none())


async def lock_letter(tx: AsyncConnection, letter_id: int) -> tuple[StoredLetter, LetterContent] | None:
    """Return one dead letter with its content, locked until the transaction ends."""
    return _with_content((await tx.execute(_LOCK, {"id": letter_id})).one_or_none())


async def act(
    tx: AsyncConnection, letter_id: int, *, state: DeadLetterState, reason_code: str, detail: str, user_id: int
) -> datetime | None:
    """Record a replay of a kept dead letter; returns when, or None if it is kept no longer."""
    values = {"id": letter_id, "state": state, "reason": reason_code, "detail": detail, "replays": 1, "user": user_id}
    return (await tx.execute(_ACT, values)).scalar_one_or_none()


async def discard_letter(tx: AsyncConnection, letter_id: int, user_id: int) -> Discarded | None:
    """Discard one kept dead letter; None if it is kept no longer."""
    values = {"id": letter_id, "topic": None, "reason": None, "limit": 1, "user": user_id}
    return _discarded((await tx.execute(_DISCARD, values)).all())


async def discard_group(
    tx: AsyncConnection, source_topic: str, reason_code: str, user_id: int, *, limit: int
) -> Discarded | None:
    """Discard the oldest kept dead letters of a topic and reason; None if there are none."""
    values = {"id": None, "topic": source_topic, "reason": reason_code, "limit": limit, "user": user_id}
    return _discarded((await tx.execute(_DISCARD, values)).all())


async def next_to_replay(tx: AsyncConnection, source_topic: str, reason_code: str, *, limit: int) -> list[int]:
    """Return the ids of kept dead letters of a group: untried ones first, in order."""
    return list((await tx.execute(_NEXT, {"topic": source_topic, "reason": reason_code, "limit": limit})).scalars())


async def pass_over(tx: AsyncConnection, letter_id: int, user_id: int) -> None:
    """Record that a replay of the group passed over a dead letter that cannot be replayed, so that others come next."""
    await tx.execute(_PASS, {"id": letter_id, "user": user_id})


async def count_kept(tx: AsyncConnection, source_topic: str, reason_code: str) -> int:
    """Return the number of kept dead letters of a group."""
    return (await tx.execute(_COUNT, {"topic": source_topic, "reason": reason_code})).scalar_one()


def _discarded(rows: Sequence[Row[Any]]) -> Discarded | None:
    if not rows:
        return None
    ids = tuple(sorted(row.id for row in rows))
    return Discarded(source_topic=rows[0].source_topic, reason_code=rows[0].reason_code, ids=ids, at=rows[0].acted_at)


def _with_content(row: Row[Any] | None) -> tuple[StoredLetter, LetterContent] | None:
    if row is None:
        return None
    headers = tuple((name, None if content is None else b64decode(content)) for name, content in row.headers)
    return _letter(row), LetterContent(key=row.key, value=row.value, headers=headers)


def _letter(row: Row[Any]) -> StoredLetter:
    content = KeptContent(
        source_topic=row.source_topic,
        reason_code=row.reason_code,
        value_bytes=row.value_bytes,
        key_bytes=row.key_bytes,
        is_whole=row.is_whole,
        headers_cut=row.headers_cut,
    )
    return StoredLetter(
        id=row.id,
        source_topic=row.source_topic,
        partition=row.partition,
        offset=row.record_offset,
        reason_code=row.reason_code,
        detail=row.detail,
        recorded_at=row.recorded_at,
        state=DeadLetterState(row.state),
        replays=row.replays,
        acted_at=row.acted_at,
        acted_by_user_id=row.acted_by_user_id,
        obstacle=obstacle(content),
    )
