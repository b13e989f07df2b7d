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
SELECT id, display_name FROM users
WHERE display_name IS NOT NULL
  AND (CAST(:ids AS bigint[]) IS NULL OR id = ANY(CAST(:ids AS bigint[])))
  AND (CAST(:search AS text) IS NULL OR strpos(lower(display_name), lower(CAST(:search AS text))) > 0)
  AND (CAST(:after AS bigint) IS NULL
       OR (lower(display_name), id) > (SELECT lower(p.display_name), p.id FROM users p WHERE p.id = :after))
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
    """A user with its name."""

    id: int
    display_name: str


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
    after: int | None,
    limit: int,
) -> list[NamedUser]:
    """Return up to ``limit`` users in the order of their names, after the user with the id ``after``."""
    values = {"ids": None if ids is None else list(ids), "search": search, "after": after, "limit": limit}
    return [NamedUser(row.id, row.display_name) for row in await tx.execute(_LIST, values)]
