"""Creates and disables provider connections, under the lock on the tenant's guard row.

Disabling cancels the connection's active runs: a run that waits would otherwise use it for up to 30 days. Both changes
are published as audit events.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.audit import ConnectionCreated, ConnectionDisabled
from onboarding_shared.contracts.bindings import TenantBinding
from onboarding_shared.contracts.session_api import CancelTask
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from session_api.domain.quotas import Quotas, TooManyConnections
from session_api.store.bindings import is_bound
from session_api.store.connections import (
    NewConnection,
    StoredConnection,
    count_enabled,
    create_connection,
    disable_connection,
    find_connection,
    find_same,
)
from session_api.store.runs import StoredRun, cancel_runs_of_connection
from session_api.store.starts import lock_tenants
from session_api.use_cases.idempotency import IdempotencyKeys, Once


@dataclass(frozen=True, slots=True)
class CreatedConnection:
    """The new connection."""

    connection: StoredConnection


@dataclass(frozen=True, slots=True)
class SameConnection:
    """Nothing was stored: this enabled connection has the same values, apart perhaps from its name."""

    connection: StoredConnection


class NotBound:
    """No operator has bound the tenant to this Microsoft tenant, application and credential."""


CreateAnswer = CreatedConnection | SameConnection | NotBound | TooManyConnections


class Connections:
    """The changes of provider connections, each in one transaction."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        silence_seconds: float,
        quotas: Quotas,
        keys: IdempotencyKeys,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._silence_seconds = silence_seconds
        self._quotas = quotas
        self._keys = keys

    async def create(
        self, tenant_id: int, user_id: int, new: NewConnection, once: Once[CreateAnswer] | None = None
    ) -> CreateAnswer:
        """Store a new connection of the tenant, unless it has an enabled one with the same values, or too many."""

        async def work(tx: AsyncConnection) -> CreateAnswer:
            await lock_tenants(tx, [tenant_id])
            if not await is_bound(tx, _wanted_binding(tenant_id, new)):
                return NotBound()
            same = await find_same(tx, tenant_id, new)
            if same is not None:
                return SameConnection(same)
            most = self._quotas.connections
            if most and await count_enabled(tx, tenant_id, most=most) >= most:
                return TooManyConnections(most)
            connection = await create_connection(tx, tenant_id, user_id, new)
            await self._outbox.append(tx, [_created(connection)])
            return CreatedConnection(connection)

        return await self._database.run(lambda tx: self._keys.run(tx, once, lambda: work(tx)))

    async def disable(self, tenant_id: int, connection_id: int, user_id: int) -> StoredConnection | None:
        """Disable a connection and cancel its active runs; idempotent. None if the tenant has none with this id."""

        async def work(tx: AsyncConnection) -> StoredConnection | None:
            await lock_tenants(tx, [tenant_id])
            before = await find_connection(tx, tenant_id, connection_id)
            connection = await disable_connection(tx, tenant_id, connection_id, user_id)
            if before is not None and connection is not None:
                runs = await cancel_runs_of_connection(tx, tenant_id, connection_id, user_id, self._silence_seconds)
                messages = [cancellation(run, user_id) for run in runs]
                if before.disabled_at is None and connection.disabled_at is not None:
                    messages.append(_disabled(connection, user_id, connection.disabled_at, len(runs)))
                await self._outbox.append(tx, messages)
            return connection

        return await self._database.run(work)


def _wanted_binding(tenant_id: int, new: NewConnection) -> TenantBinding:
    return TenantBinding(
        tenant_id=tenant_id,
        external_tenant_id=new.external_tenant_id,
        cloud=new.cloud,
        client_id=new.client_id,
        credential=new.credential_ref,
    )


def _created(connection: StoredConnection) -> Outgoing:
    event = ConnectionCreated(
        tenant_id=connection.tenant_id,
        by_user_id=connection.created_by_user_id,
        occurred_at=connection.created_at,
        provider_connection_id=connection.id,
        provider=connection.provider,
        external_tenant_id=connection.external_tenant_id,
        client_id=connection.client_id,
        credential_ref=connection.credential_ref,
        cloud=connection.cloud,
    )
    return Outgoing(event, traceparent=current_traceparent())


def _disabled(connection: StoredConnection, user_id: int, at: datetime, cancelled_runs: int) -> Outgoing:
    event = ConnectionDisabled(
        tenant_id=connection.tenant_id,
        by_user_id=user_id,
        occurred_at=at,
        provider_connection_id=connection.id,
        cancelled_runs=cancelled_runs,
    )
    return Outgoing(event, traceparent=current_traceparent())


def cancellation(run: StoredRun, user_id: int) -> Outgoing:
    """The command that cancels a run on behalf of a user."""
    command = CancelTask(
        tenant_id=run.tenant_id,
        run_id=run.id,
        requested_by=user_id,
        requested_at=run.cancel_requested_at or run.created_at,
    )
    return Outgoing(command, traceparent=current_traceparent())
