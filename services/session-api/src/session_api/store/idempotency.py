"""The SQL of idempotency keys."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_api.domain.idempotency import KeptAnswer, KeyedRequest

_KEYS = """unnest(CAST(:tenants AS bigint[]), CAST(:users AS bigint[]), CAST(:operations AS text[]),
            CAST(:keys AS text[])) WITH ORDINALITY AS asked (tenant_id, user_id, operation, key, place)"""
# Never waits: who does not get the lock is told that the key is in progress.
_TRY_LOCK = text(f"""
SELECT place, pg_try_advisory_xact_lock(
    hashtextextended(concat_ws(' ', 'idempotency', tenant_id, user_id, operation, key), 0)) AS locked
FROM {_KEYS}
""")  # noqa: S608 - no input, only constants
_FIND = text(f"""
SELECT asked.place, k.fingerprint, k.status, CAST(k.headers AS text) AS headers, k.body
FROM {_KEYS} JOIN idempotency_keys k USING (tenant_id, user_id, operation, key)
WHERE k.created_at > now() - make_interval(secs => :lasts)
""")  # noqa: S608 - no input, only constants
_KEEP = text("""
INSERT INTO idempotency_keys (tenant_id, user_id, operation, key, fingerprint, status, headers, body)
VALUES (:tenant, :user, :operation, :key, :fingerprint, :status, CAST(:headers AS json), :body)
ON CONFLICT (tenant_id, user_id, operation, key) DO UPDATE
SET fingerprint = excluded.fingerprint, status = excluded.status, headers = excluded.headers, body = excluded.body,
    created_at = now()
""")
_PRUNE = text("""
DELETE FROM idempotency_keys WHERE ctid IN (
    SELECT ctid FROM idempotency_keys WHERE created_at <= now() - make_interval(secs => :lasts)
    ORDER BY created_at LIMIT :limit FOR UPDATE SKIP LOCKED)
""")


_headers = msgspec.json.Decoder(dict[str, str])


async def lock_keys(tx: AsyncConnection, requests: Sequence[KeyedRequest]) -> list[bool]:
    """Lock the keys until the end of the transaction; False for each that another transaction has locked."""
    rows = {row.place: row.locked for row in await tx.execute(_TRY_LOCK, _parameters(requests))}
    return [rows[place] for place in range(1, len(requests) + 1)]


async def find_answers(
    tx: AsyncConnection, requests: Sequence[KeyedRequest], *, lasts_seconds: float
) -> list[tuple[bytes, KeptAnswer] | None]:
    """The fingerprint and the answer that are kept for each key, if any."""
    rows = await tx.execute(_FIND, {**_parameters(requests), "lasts": lasts_seconds})
    kept = {
        row.place: (bytes(row.fingerprint), KeptAnswer(row.status, _headers.decode(row.headers), bytes(row.body)))
        for row in rows
    }
    return [kept.get(place) for place in range(1, len(requests) + 1)]


async def keep_answers(tx: AsyncConnection, answers: Sequence[tuple[KeyedRequest, KeptAnswer]]) -> None:
    """Keep the answers of these requests, whose keys are locked."""
    values = [
        {
            "tenant": request.tenant_id,
            "user": request.user_id,
            "operation": request.operation,
            "key": request.key,
            "fingerprint": request.fingerprint,
            "status": answer.status,
            "headers": msgspec.json.encode(dict(answer.headers)).decode(),
            "body": answer.body,
        }
        for request, answer in answers
    ]
    if values:
        await tx.execute(_KEEP, values)


async def prune_keys(tx: AsyncConnection, *, lasts_seconds: float, limit: int) -> int:
    """Delete up to ``limit`` keys that are older than this; returns how many."""
    return (await tx.execute(_PRUNE, {"lasts": lasts_seconds, "limit": limit})).rowcount


def _parameters(requests: Sequence[KeyedRequest]) -> Mapping[str, Any]:
    return {
        "tenants": [request.tenant_id for request in requests],
        "users": [request.user_id for request in requests],
        "operations": [request.operation for request in requests],
        "keys": [request.key for request in requests],
    }
