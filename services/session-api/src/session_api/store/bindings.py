"""The SQL of tenant bindings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.bindings import MicrosoftTenant, TenantBinding
from session_api.store.states import ACTIVE_STATES

_COLUMNS = "id, tenant_id, external_tenant_id, cloud, client_id, credential, set_at, set_by_user_id"
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:cloud || '/' || :external, 0))")
_FIND = text(f"""
SELECT {_COLUMNS} FROM tenant_bindings WHERE external_tenant_id = :external AND cloud = :cloud
""")  # noqa: S608 - no input, only names of ours
_LIST = text(f"SELECT {_COLUMNS} FROM tenant_bindings WHERE id < :before ORDER BY id DESC LIMIT :limit")  # noqa: S608 - no input, only names of ours
_ALL = text(f"SELECT {_COLUMNS} FROM tenant_bindings ORDER BY id DESC")  # noqa: S608 - no input, only names of ours
_SET = text(f"""
INSERT INTO tenant_bindings (external_tenant_id, cloud, tenant_id, client_id, credential, set_by_user_id)
VALUES (:external, :cloud, :tenant, :client, :credential, :user)
ON CONFLICT (external_tenant_id, cloud) DO UPDATE
SET tenant_id = excluded.tenant_id, client_id = excluded.client_id, credential = excluded.credential, set_at = now(),
    set_by_user_id = excluded.set_by_user_id
RETURNING {_COLUMNS}
""")  # noqa: S608 - no input, only names of ours
_REMOVE = text("DELETE FROM tenant_bindings WHERE external_tenant_id = :external AND cloud = :cloud RETURNING now()")
_IS_BOUND = text("""
SELECT EXISTS (SELECT FROM tenant_bindings
               WHERE external_tenant_id = :external AND cloud = :cloud AND tenant_id = :tenant
                 AND client_id = :client AND credential = :credential)
""")
_BUSY_ELSEWHERE = text(f"""
SELECT EXISTS (SELECT FROM operation_runs r
               JOIN provider_connections c ON c.tenant_id = r.tenant_id AND c.id = r.provider_connection_id
               WHERE r.state IN {ACTIVE_STATES} AND r.tenant_id <> :tenant
                 AND c.external_tenant_id = :external AND c.cloud = :cloud)
""")  # noqa: S608 - no input, only names of ours
_UNBOUND = text("""
SELECT c.id FROM provider_connections c
WHERE c.tenant_id = :tenant AND c.external_tenant_id = :external AND c.cloud = :cloud AND c.disabled_at IS NULL
  AND NOT EXISTS (SELECT FROM tenant_bindings b
                  WHERE b.external_tenant_id = c.external_tenant_id AND b.cloud = c.cloud
                    AND b.tenant_id = c.tenant_id AND b.client_id = c.client_id AND b.credential = c.credential_ref)
ORDER BY c.id
""")


@dataclass(frozen=True, slots=True)
class StoredBinding:
    """A stored binding, and who set it."""

    id: int
    binding: TenantBinding
    set_at: datetime
    set_by_user_id: int


async def find_binding(tx: AsyncConnection, microsoft: MicrosoftTenant) -> StoredBinding | None:
    """Return the binding of a Microsoft tenant, locked until the transaction ends even where there is none."""
    await tx.execute(_LOCK, _key(microsoft))
    row = (await tx.execute(_FIND, _key(microsoft))).one_or_none()
    return None if row is None else _stored(row)


async def list_bindings(tx: AsyncConnection, *, before: int, limit: int) -> list[StoredBinding]:
    """Return up to ``limit`` bindings with ids less than ``before``, newest first."""
    return [_stored(row) for row in await tx.execute(_LIST, {"before": before, "limit": limit})]


async def list_all_bindings(tx: AsyncConnection) -> list[StoredBinding]:
    """Return every binding, newest first."""
    return [_stored(row) for row in await tx.execute(_ALL)]


async def save_binding(tx: AsyncConnection, binding: TenantBinding, user_id: int) -> StoredBinding:
    """Insert or replace the binding of its Microsoft tenant."""
    return _stored((await tx.execute(_SET, {**_values(binding), "user": user_id})).one())


async def remove_binding(tx: AsyncConnection, microsoft: MicrosoftTenant) -> datetime | None:
    """Remove the binding of a Microsoft tenant; returns when, or None if it had none."""
    return (await tx.execute(_REMOVE, _key(microsoft))).scalar_one_or_none()


async def is_bound(tx: AsyncConnection, wanted: TenantBinding) -> bool:
    """True if exactly this binding is stored."""
    return bool((await tx.execute(_IS_BOUND, _values(wanted))).scalar_one())


async def busy_elsewhere(tx: AsyncConnection, tenant_id: int, microsoft: MicrosoftTenant) -> bool:
    """True if another tenant has an active run on this Microsoft tenant."""
    return bool((await tx.execute(_BUSY_ELSEWHERE, {**_key(microsoft), "tenant": tenant_id})).scalar_one())


async def unbound_connections(tx: AsyncConnection, tenant_id: int, microsoft: MicrosoftTenant) -> list[int]:
    """The enabled connections of the tenant to this Microsoft tenant that no binding allows."""
    return list((await tx.execute(_UNBOUND, {**_key(microsoft), "tenant": tenant_id})).scalars())


def _key(microsoft: MicrosoftTenant) -> dict[str, Any]:
    return {"external": microsoft.external_tenant_id, "cloud": microsoft.cloud}


def _values(binding: TenantBinding) -> dict[str, Any]:
    return {
        **_key(binding.microsoft_tenant),
        "tenant": binding.tenant_id,
        "client": binding.client_id,
        "credential": binding.credential,
    }


def _stored(row: Row[Any]) -> StoredBinding:
    binding = TenantBinding(
        tenant_id=row.tenant_id,
        external_tenant_id=row.external_tenant_id,
        cloud=row.cloud,
        client_id=row.client_id,
        credential=row.credential,
    )
    return StoredBinding(row.id, binding, row.set_at, row.set_by_user_id)
