"""The tenants' guard rows: whoever changes a tenant's sessions or starts its runs holds its row first."""

from collections.abc import Iterable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# ``DO UPDATE … WHERE false`` locks a row that is there without writing a new version of it, and inserts one that
# is not: one statement, one order, so that two of them cannot deadlock.
_LOCK = text("""
INSERT INTO tenant_guards AS g (tenant_id)
SELECT DISTINCT tenant_id FROM unnest(CAST(:tenants AS bigint[])) AS wanted (tenant_id) ORDER BY tenant_id
ON CONFLICT (tenant_id) DO UPDATE SET tenant_id = g.tenant_id WHERE false
""")


async def lock_tenants(connection: AsyncConnection, tenant_ids: Iterable[int]) -> None:
    """Wait for, and hold until the end of the transaction, the guard rows of these tenants."""
    await connection.execute(_LOCK, {"tenants": sorted(set(tenant_ids))})
