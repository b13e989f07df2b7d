"""The SQL of consent requests. Only the hash of the secret in a link is kept."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_api.domain.consent import ConsentRequest, ConsentState

_COLUMNS = """id, tenant_id, session_id, provider_connection_id, external_tenant_id, state, created_at,
       created_by_user_id, expires_at, answered_at, reported_at, verified_at, run_id, now() AS now"""

_INSERT = text(f"""
INSERT INTO consent_requests (tenant_id, state_hash, session_id, provider_connection_id, external_tenant_id,
                              created_by_user_id, expires_at)
VALUES (:tenant, :hash, :session, :connection, :external_tenant, :user, now() + CAST(:lasts AS interval))
RETURNING {_COLUMNS}
""")  # noqa: S608 - no input, only names of ours
_OPEN = text("""
SELECT count(*) AS open, min(expires_at) - now() AS first_expires_in FROM consent_requests
WHERE tenant_id = :tenant AND state = 'open' AND expires_at > now()
""")
_LIST = text(f"""
SELECT {_COLUMNS} FROM consent_requests WHERE tenant_id = :tenant AND id < :before ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - no input, only names of ours
_FIND = text(f"SELECT {_COLUMNS} FROM consent_requests WHERE tenant_id = :tenant AND id = :id")  # noqa: S608 - no input, only names of ours
_FIND_OF_LINK = text(f"SELECT {_COLUMNS} FROM consent_requests WHERE state_hash = :hash")  # noqa: S608 - no input, only names of ours
_ANSWER = text("""
UPDATE consent_requests
SET state = :state, answered_at = now(), reported_at = CASE WHEN :state = 'reported' THEN now() END, run_id = :run
WHERE tenant_id = :tenant AND id = :id AND state = :before
RETURNING id
""")

# Of each connection the newest request. The state is looked at again after the wait for a row's lock.
_VERIFY = text("""
WITH proven AS (
    SELECT DISTINCT ON (c.tenant_id, c.provider_connection_id) c.tenant_id, c.id
    FROM operation_runs r
    JOIN unnest(CAST(:tenants AS bigint[]), CAST(:runs AS bigint[])) AS wanted (tenant_id, id) USING (tenant_id, id)
    JOIN consent_requests c
      ON c.tenant_id = r.tenant_id AND c.provider_connection_id = r.provider_connection_id
     AND (c.state = 'reported' OR (c.state = 'open' AND c.expires_at > now()))
    ORDER BY c.tenant_id, c.provider_connection_id, c.id DESC
)
UPDATE consent_requests c SET state = 'verified', verified_at = now()
FROM proven WHERE c.tenant_id = proven.tenant_id AND c.id = proven.id AND c.state IN ('open', 'reported')
""")


@dataclass(frozen=True, slots=True)
class NewConsentRequest:
    """A request to create. ``state_hash`` is made before the transaction, which makes a retry recognisable."""

    state_hash: bytes
    session_id: int | None
    provider_connection_id: int
    external_tenant_id: str
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class LoadedConsent:
    """A request, and the database's clock when it was read."""

    request: ConsentRequest
    now: datetime


@dataclass(frozen=True, slots=True)
class OpenConsents:
    """The number of open requests of a tenant, and the time at which the first of them expires."""

    count: int
    first_expires_in: timedelta


async def insert_consent(tx: AsyncConnection, tenant_id: int, user_id: int, new: NewConsentRequest) -> LoadedConsent:
    """Insert an open request. The same hash again violates a unique constraint."""
    rows = await tx.execute(
        _INSERT,
        {
            "tenant": tenant_id,
            "hash": new.state_hash,
            "session": new.session_id,
            "connection": new.provider_connection_id,
            "external_tenant": new.external_tenant_id,
            "user": user_id,
            "lasts": new.lasts,
        },
    )
    return _loaded(rows.one())


async def count_open(tx: AsyncConnection, tenant_id: int) -> OpenConsents:
    """The open requests of a tenant."""
    row = (await tx.execute(_OPEN, {"tenant": tenant_id})).one()
    return OpenConsents(row.open, row.first_expires_in or timedelta())


async def list_consents(tx: AsyncConnection, tenant_id: int, *, before: int, limit: int) -> list[LoadedConsent]:
    """Newest first, those with a smaller id than ``before``."""
    rows = await tx.execute(_LIST, {"tenant": tenant_id, "before": before, "limit": limit})
    return [_loaded(row) for row in rows]


async def find_consent(tx: AsyncConnection, tenant_id: int, request_id: int) -> LoadedConsent | None:
    """One request of this tenant."""
    row = (await tx.execute(_FIND, {"tenant": tenant_id, "id": request_id})).one_or_none()
    return None if row is None else _loaded(row)


async def find_of_link(tx: AsyncConnection, state_hash: bytes) -> LoadedConsent | None:
    """The request whose link has this secret, of whatever tenant."""
    row = (await tx.execute(_FIND_OF_LINK, {"hash": state_hash})).one_or_none()
    return None if row is None else _loaded(row)


async def save_answer(tx: AsyncConnection, request: ConsentRequest, state: ConsentState, run_id: int | None) -> bool:
    """Store the new state and the run that checks it. False where a result verified the request meanwhile."""
    values = {
        "tenant": request.tenant_id,
        "id": request.id,
        "before": request.state.value,
        "state": state.value,
        "run": run_id,
    }
    return (await tx.execute(_ANSWER, values)).one_or_none() is not None


async def verify_consents(tx: AsyncConnection, run_ids: Sequence[tuple[int, int]]) -> None:
    """Verify the newest open or reported request of the connection of each run, named by tenant and run."""
    await tx.execute(
        _VERIFY, {"tenants": [tenant_id for tenant_id, _ in run_ids], "runs": [run_id for _, run_id in run_ids]}
    )


def _loaded(row: Row[Any]) -> LoadedConsent:
    columns: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(ConsentRequest)}
    columns["state"] = ConsentState(row.state)
    return LoadedConsent(ConsentRequest(**columns), row.now)
