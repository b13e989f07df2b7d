"""Creates and disables provider connections, under the lock on the tenant's guard row."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database
from session_api.store.connections import (
    NewConnection,
    StoredConnection,
    create_connection,
    disable_connection,
    find_same,
)
from session_api.store.starts import lock_tenants


@dataclass(frozen=True, slots=True)
class CreatedConnection:
    """The new connection."""

    connection: StoredConnection


@dataclass(frozen=True, slots=True)
class SameConnection:
    """Nothing was stored: this enabled connection has the same values, apart perhaps from its name."""

    connection: StoredConnection


class Connections:
    """The changes of provider connections, each in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, tenant_id: int, user_id: int, new: NewConnection) -> CreatedConnection | SameConnection:
        """Store a new connection of the tenant, unless it has an enabled one with the same values."""

        async def work(tx: AsyncConnection) -> CreatedConnection | SameConnection:
            await lock_tenants(tx, [tenant_id])
            same = await find_same(tx, tenant_id, new)
            if same is not None:
                return SameConnection(same)
            return CreatedConnection(await create_connection(tx, tenant_id, user_id, new))

        return await self._database.run(work)

    async def disable(self, tenant_id: int, connection_id: int, user_id: int) -> StoredConnection | None:
        """Disable a connection; idempotent. Return None if the tenant has none with this id."""

        async def work(tx: AsyncConnection) -> StoredConnection | None:
            await lock_tenants(tx, [tenant_id])
            return await disable_connection(tx, tenant_id, connection_id, user_id)

        return await self._database.run(work)
