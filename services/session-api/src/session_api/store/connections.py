"""The SQL of provider connections. A connection can be disabled, but not changed otherwise."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_api.domain.starting import KnownConnection
from session_api.store.states import OPEN_STATUSES

_COLUMNS = """id, tenant_id, provider, display_name, external_tenant_id, client_id, credential_ref, cloud, created_at,
       created_by_user_id, disabled_at, disabled_by_user_id"""

_CREATE = text(f"""
INSERT INTO provider_connections (tenant_id, creation_key, provider, display_name, external_tenant_id, client_id,
                                  credential_ref, cloud, created_by_user_id)
VALUES (:tenant, :key, :provider, :display_name, :external_tenant_id, :client_id, :credential_ref, :cloud, :user)
ON CONFLICT (creation_key) DO UPDATE SET creation_key = excluded.creation_key
RETURNING {_COLUMNS}
""")  # noqa: S608 - no input, only constants
_LIST = text(f"""
SELECT {_COLUMNS} FROM provider_connections WHERE tenant_id = :tenant AND id < :before ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - no input, only constants
_FIND = text(f"SELECT {_COLUMNS} FROM provider_connections WHERE tenant_id = :tenant AND id = :id")  # noqa: S608 - no input, only constants
_DISABLE = text(f"""
UPDATE provider_connections
SET disabled_at = coalesce(disabled_at, now()), disabled_by_user_id = coalesce(disabled_by_user_id, :user)
WHERE tenant_id = :tenant AND id = :id
RETURNING {_COLUMNS}
""")  # noqa: S608 - no input, only names of ours
_FIND_SAME = text(f"""
SELECT {_COLUMNS} FROM provider_connections
WHERE tenant_id = :tenant AND disabled_at IS NULL AND provider = :provider AND cloud = :cloud
  AND external_tenant_id = :external_tenant_id AND client_id = :client_id AND credential_ref = :credential_ref
ORDER BY id LIMIT 1
""")  # noqa: S608 - no input, only names of ours
_COUNT_ENABLED = text("""
SELECT count(*) FROM (
    SELECT FROM provider_connections WHERE tenant_id = :tenant AND disabled_at IS NULL LIMIT :most) AS counted
""")
_IS_ENABLED = text("SELECT disabled_at IS NULL FROM provider_connections WHERE tenant_id = :tenant AND id = :id")


OFFERED_CONNECTIONS = 20
"""Maximum number of enabled connections that are offered where none is chosen."""


def needed_connections(named: str) -> str:
    """SQL: the connections that a choice depends on in the tenants ``:tenants``.

    Those of ``named`` (a FROM item ``n`` with tenant_id and id), those of open sessions, and the first enabled ones.
    """
    return f"""
SELECT c.tenant_id, c.id, c.disabled_at IS NOT NULL AS disabled, c.provider, c.external_tenant_id, c.client_id,
       c.credential_ref, c.cloud,
       EXISTS (
           SELECT FROM tenant_bindings b
           WHERE b.external_tenant_id = c.external_tenant_id AND b.cloud = c.cloud AND b.tenant_id = c.tenant_id
             AND b.client_id = c.client_id AND b.credential = c.credential_ref) AS bound
FROM (
    SELECT n.tenant_id, n.id FROM {named}
    UNION SELECT tenant_id, provider_connection_id FROM onboarding_sessions
    WHERE tenant_id = ANY(CAST(:tenants AS bigint[])) AND status IN {OPEN_STATUSES}
    UNION SELECT t.tenant_id, enabled.id FROM unnest(CAST(:tenants AS bigint[])) AS t (tenant_id)
    CROSS JOIN LATERAL (
        SELECT e.id FROM provider_connections e
        WHERE e.tenant_id = t.tenant_id AND e.disabled_at IS NULL ORDER BY e.id LIMIT {OFFERED_CONNECTIONS}) AS enabled
) AS needed JOIN provider_connections c ON c.tenant_id = needed.tenant_id AND c.id = needed.id"""  # noqa: S608 - no input, only names of ours


_NEEDED = text(needed_connections("(SELECT CAST(:tenant AS bigint), CAST(:named AS bigint)) AS n (tenant_id, id)"))


@dataclass(frozen=True, slots=True)
class NewConnection:
    """A connection to create. ``creation_key`` is generated before the transaction, so that a retry is idempotent."""

    creation_key: UUID
    provider: str
    display_name: str
    external_tenant_id: str
    client_id: str
    credential_ref: str
    cloud: str


@dataclass(frozen=True, slots=True)
class StoredConnection:
    """A stored connection."""

    id: int
    tenant_id: int
    provider: str
    display_name: str
    external_tenant_id: str
    client_id: str
    credential_ref: str
    cloud: str
    created_at: datetime
    created_by_user_id: int
    disabled_at: datetime | None
    disabled_by_user_id: int | None


async def create_connection(tx: AsyncConnection, tenant_id: int, user_id: int, new: NewConnection) -> StoredConnection:
    """Insert a connection, or return the one that an earlier try of the same transaction has inserted."""
    rows = await tx.execute(
        _CREATE,
        {
            "tenant": tenant_id,
            "key": new.creation_key,
            "provider": new.provider,
            "display_name": new.display_name,
            "external_tenant_id": new.external_tenant_id,
            "client_id": new.client_id,
            "credential_ref": new.credential_ref,
            "cloud": new.cloud,
            "user": user_id,
        },
    )
    return _stored(rows.one())


async def find_same(tx: AsyncConnection, tenant_id: int, new: NewConnection) -> StoredConnection | None:
    """The enabled connection of the same application to the same tenant with the same credential, if any."""
    parameters = {
        "tenant": tenant_id,
        "provider": new.provider,
        "cloud": new.cloud,
        "external_tenant_id": new.external_tenant_id,
        "client_id": new.client_id,
        "credential_ref": new.credential_ref,
    }
    row = (await tx.execute(_FIND_SAME, parameters)).one_or_none()
    return None if row is None else _stored(row)


async def list_connections(tx: AsyncConnection, tenant_id: int, *, before: int, limit: int) -> list[StoredConnection]:
    """Return up to ``limit`` connections with ids less than ``before``, newest first."""
    rows = await tx.execute(_LIST, {"tenant": tenant_id, "before": before, "limit": limit})
    return [_stored(row) for row in rows]


async def find_connection(tx: AsyncConnection, tenant_id: int, connection_id: int) -> StoredConnection | None:
    """Return a connection, or None if the tenant has none with this id."""
    row = (await tx.execute(_FIND, {"tenant": tenant_id, "id": connection_id})).one_or_none()
    return None if row is None else _stored(row)


async def disable_connection(
    tx: AsyncConnection, tenant_id: int, connection_id: int, user_id: int
) -> StoredConnection | None:
    """Disable a connection, or return it unchanged if it is disabled. None if the tenant has none with this id."""
    rows = await tx.execute(_DISABLE, {"tenant": tenant_id, "id": connection_id, "user": user_id})
    row = rows.one_or_none()
    return None if row is None else _stored(row)


async def is_enabled(tx: AsyncConnection, tenant_id: int, connection_id: int) -> bool | None:
    """Return True if the connection is enabled; None if the tenant has none with this id."""
    return (await tx.execute(_IS_ENABLED, {"tenant": tenant_id, "id": connection_id})).scalar_one_or_none()


async def count_enabled(tx: AsyncConnection, tenant_id: int, *, most: int) -> int:
    """The number of enabled connections of the tenant; counts no further than ``most``."""
    return (await tx.execute(_COUNT_ENABLED, {"tenant": tenant_id, "most": most})).scalar_one()


async def known_connections(tx: AsyncConnection, tenant_id: int, named: int | None) -> list[KnownConnection]:
    """The connections on which the choice of one depends: the named one, the open session's, the first enabled ones."""
    rows = await tx.execute(_NEEDED, {"tenants": [tenant_id], "tenant": tenant_id, "named": named})
    names = [field.name for field in fields(KnownConnection)]
    return [KnownConnection(**{name: getattr(row, name) for name in names}) for row in rows]


def _stored(row: Row[Any]) -> StoredConnection:
    return StoredConnection(**{field.name: getattr(row, field.name) for field in fields(StoredConnection)})
