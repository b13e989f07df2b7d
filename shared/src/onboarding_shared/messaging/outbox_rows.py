"""SQL of the relay: reads and deletes outbox rows, and holds the relay lease."""

import uuid
from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database

_READ = text("""
SELECT id, topic, tenant_id, sequence, message_id, event_type, subject, traceparent, data, created_at, mac_key
FROM outbox WHERE id <> ALL(CAST(:without AS bigint[])) ORDER BY id LIMIT :batch
""")
_DELETE = text("""
WITH held AS MATERIALIZED (
    SELECT EXISTS (SELECT FROM relay_lease WHERE token = :token AND holder = :holder) AS held
), deleted AS (
    DELETE FROM outbox WHERE id = ANY(CAST(:ids AS bigint[])) AND (SELECT held FROM held)
)
SELECT held FROM held
""")
_TAKE = text("""
UPDATE relay_lease
SET holder = :holder, expires_at = now() + make_interval(secs => :seconds),
    token = CASE WHEN holder = :holder AND token = :token THEN token ELSE token + 1 END
WHERE expires_at < now() OR (holder = :holder AND token = :token)
RETURNING token
""")
_RELEASE = text("UPDATE relay_lease SET expires_at = '-infinity' WHERE holder = :holder AND token = :token")


class OutboxRow(msgspec.Struct, frozen=True):
    """A message that is not published yet."""

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
    mac_key: str | None = None


class OutboxRows:
    """Access of a relay to the outbox; ``holder`` identifies the relay in the lease."""

    def __init__(self, database: Database, *, holder: str) -> None:
        self._database = database
        self._holder = holder

    async def read(self, batch: int, without: Sequence[int] = ()) -> list[OutboxRow]:
        """Read the rows with the lowest ids, except those ``without``.

        No position is remembered, because ids do not commit in order.
        """

        bound = {"batch": batch, "without": list(without)}

        async def work(tx: AsyncConnection) -> list[OutboxRow]:
            return [OutboxRow(*row) for row in (await tx.execute(_READ, bound)).all()]

        return await self._database.run_single(work)

    async def delete(self, ids: Sequence[int], token: int | None) -> bool:
        """Delete published rows if the lease is still held; False if it is not. Safe to repeat."""

        async def work(tx: AsyncConnection) -> bool:
            bound = {"ids": list(ids), "token": token, "holder": self._holder}
            return bool((await tx.execute(_DELETE, bound)).scalar_one())

        return await self._database.run_single(work)

    async def take_lease(self, seconds: float, token: int | None) -> int | None:
        """Acquire or renew the lease; returns its fencing token, or None while another relay holds it."""

        async def work(tx: AsyncConnection) -> int | None:
            bound = {"holder": self._holder, "seconds": seconds, "token": token if token is not None else -1}
            return (await tx.execute(_TAKE, bound)).scalar_one_or_none()

        return await self._database.run_single(work)

    async def release(self, token: int | None) -> None:
        """Release the lease, so that another relay can acquire it at once."""

        async def work(tx: AsyncConnection) -> None:
            await tx.execute(_RELEASE, {"holder": self._holder, "token": token if token is not None else -1})

        await self._database.run_single(work)
