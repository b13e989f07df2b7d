"""The SQL of users."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_FIND = text("SELECT issuer, subject, display_name FROM users WHERE id = :id")
_SAVE = text("""
INSERT INTO users (id, issuer, subject, display_name) VALUES (:id, :issuer, :subject, :name)
ON CONFLICT (id) DO UPDATE
SET issuer = excluded.issuer, subject = excluded.subject, seen_at = now(),
    display_name = coalesce(excluded.display_name, users.display_name)
WHERE NOT :is_derived OR (users.issuer = excluded.issuer AND users.subject = excluded.subject)
RETURNING id
""")
_LIST = text("""
SELECT id, display_name, lower(display_name) AS place FROM users
WHERE display_name IS NOT NULL
  AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[])))
  AND (CAST(:search AS text) IS NULL OR strpos(lower(display_name), lower(CAST(:search AS text))) > 0)
  AND (CAST(:after_name AS text) IS NULL
       OR (lower(display_name), id) > (CAST(:after_name AS text), CAST(:after_id AS bigint)))
ORDER BY lower(display_name), id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class StoredUser:
    """A user as its issuer names it."""

    issuer: str
    subject: str
    display_name: str | None


@dataclass(frozen=True, slots=True)
class NamedUser:
    """A user with its name. ``place`` is the name as lists are ordered by it."""

    id: int
    display_name: str
    place: str


async def find_user(tx: AsyncConnection, user_id: int) -> StoredUser | None:
    """Return the user with this id."""
    row = (await tx.execute(_FIND, {"id": user_id})).one_or_none()
    return None if row is None else StoredUser(row.issuer, row.subject, row.display_name)


async def save_user(tx: AsyncConnection, user_id: int, user: StoredUser, *, is_derived: bool) -> bool:
    """Insert or rename a user; False if ``is_derived`` and another subject has the id."""
    values: dict[str, Any] = {"id": user_id, "issuer": user.issuer, "subject": user.subject}
    saved = await tx.execute(_SAVE, {**values, "name": user.display_name, "is_derived": is_derived})
    return saved.one_or_none() is not None


async def list_users(
    tx: AsyncConnection,
    *,
    ids: Sequence[int] | None,
    search: str | None,
    after: tuple[str, int] | None,
    limit: int,
) -> list[NamedUser]:
    """Return up to ``limit`` users in the order of their names, after a name and an id."""
    after_name, after_id = after or (None, None)
    rows = await tx.execute(
        _LIST,
        {
            "ids": None if ids is None else list(ids),
            "search": search,
            "after_name": after_name,
            "after_id": after_id,
            "limit": limit,
        },
    )
    return [NamedUser(row.id, row.display_name, row.place) for row in rows]
