"""The relay's SQL: read outbox rows, delete the published ones, and hold the relay's lease."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database

_READ = text("""
SELECT id, topic, tenant_id, sequence, message_id, event_type, subject, traceparent, data, created_at
FROM outbox ORDER BY id LIMIT :batch
""")
_DELETE = text("""
DELETE FROM outbox WHERE id = ANY(CAST(:ids AS bigint[]))
    AND EXISTS (SELECT FROM relay_lease WHERE token = :token AND holder = :holder)
""")
_TAKE = text("""
UPDATE relay_lease
SET holder = :holder, expires_at = now() + make_interval(secs => :seconds),
    token = CASE WHEN holder = :holder AND token = :token THEN token ELSE token + 1 END
WHERE expires_at < now() OR (holder = :holder AND token = :token)
RETURNING token
""")
_RELEASE = text("UPDATE relay_lease SET expires_at = '-infinity' WHERE holder = :holder AND token = :token")


class OutboxRow(NamedTuple):
    """One message that waits to be published."""

    id: int
    topic: str
    tenant_id: int
    sequence: int
    message_id: uuid.UUID
    event_type: str
    subject: str
    traceparent: str | None
    data: bytes
    created_at: datetime


class OutboxRows:
    """The outbox as its relay sees it; ``holder`` names this relay in the lease."""

    def __init__(self, database: Database, *, holder: str) -> None:
        self._database = database
        self._holder = holder

    async def read(self, batch: int) -> list[OutboxRow]:
        """The oldest rows. Rows are chosen by being there, never by an id seen last: ids do not commit in order."""

        async def work(connection: AsyncConnection) -> list[OutboxRow]:
            return [OutboxRow._make(row) for row in await connection.execute(_READ, {"batch": batch})]

        return await self._database.run_single(work)

    async def delete(self, ids: Sequence[int], token: int | None) -> bool:
        """Delete published rows while the lease is still held; False where it is not and nothing was deleted."""

        async def work(connection: AsyncConnection) -> int:
            bound = {"ids": list(ids), "token": token, "holder": self._holder}
            return (await connection.execute(_DELETE, bound)).rowcount

        return await self._database.run_single(work) > 0

    async def take_lease(self, seconds: float, token: int | None) -> int | None:
        """Take or renew the lease; returns its fencing token, or None while another relay holds it."""

        async def work(connection: AsyncConnection) -> int | None:
            bound = {"holder": self._holder, "seconds": seconds, "token": token if token is not None else -1}
            return (await connection.execute(_TAKE, bound)).scalar_one_or_none()

        return await self._database.run_single(work)

    async def release(self, token: int | None) -> None:
        """Let another relay take over at once."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(_RELEASE, {"holder": self._holder, "token": token if token is not None else -1})

        await self._database.run_single(work)
