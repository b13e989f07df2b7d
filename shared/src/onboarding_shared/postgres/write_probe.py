"""Finds a database that answers but cannot be written to: full, read-only, a standby, or unable to commit."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, SmallInteger, Table, Text, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database

WRITE_SECONDS = 10.0
"""The seconds between two writes, while they succeed."""
WRITE_PROBES_V1 = """
CREATE TABLE write_probes (
    id smallint PRIMARY KEY CONSTRAINT write_probes_is_one_row CHECK (id = 1),
    written_at timestamptz NOT NULL,
    filler text NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 4);
ALTER TABLE write_probes ALTER COLUMN filler SET STORAGE PLAIN;
"""
_WRITE = text("""
INSERT INTO write_probes (id, written_at, filler) VALUES (1, now(), repeat('x', 5000))
ON CONFLICT (id) DO UPDATE SET written_at = excluded.written_at
""")
"""The row fills more than half a page, so its new version needs another page, and a full disk is noticed. Frequent
vacuuming returns the pages, so that the file has to grow again."""


class CannotWrite(Exception):
    """The database refuses writes; the text has the cause."""


def add_write_probes(metadata: MetaData) -> None:
    """Add the table to SQLAlchemy metadata, for comparison with the migrations in tests."""
    Table(
        "write_probes",
        metadata,
        Column("id", SmallInteger, primary_key=True, autoincrement=False),
        Column("written_at", DateTime(timezone=True), nullable=False),
        Column("filler", Text, nullable=False),
        CheckConstraint("id = 1", name="write_probes_is_one_row"),
    )


class WriteProbe:
    """Overwrites one row and commits, at most every ``WRITE_SECONDS``; only answers in between are asked for."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._written = float("-inf")

    async def check(self) -> Mapping[str, Any] | None:
        """Raises ``DatabaseUnavailable``, or ``CannotWrite`` until a write succeeds again."""
        await self._database.ping()
        now = self._clock()
        if now - self._written < WRITE_SECONDS:
            return None
        try:
            await self._database.run(_write)
        except Exception as error:
            self._written = float("-inf")
            cause = error.__cause__ if isinstance(error.__cause__, DBAPIError) else error
            reason = str(cause.orig if isinstance(cause, DBAPIError) else cause).partition("\n")[0]
            raise CannotWrite(f"The database cannot be written to: {reason}") from error
        self._written = now
        return None


async def _write(tx: AsyncConnection) -> None:
    await tx.execute(_WRITE)
