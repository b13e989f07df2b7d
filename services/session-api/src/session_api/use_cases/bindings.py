"""Sets and removes tenant bindings, under the guard rows of the tenants that they concern.

A connection that loses its binding can start nothing any more, and its active runs are cancelled.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.audit import TenantBindingRemoved, TenantBindingSet
from onboarding_shared.contracts.bindings import MicrosoftTenant, TenantBinding
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from session_api.store.bindings import (
    StoredBinding,
    busy_elsewhere,
    find_binding,
    remove_binding,
    save_binding,
    unbound_connections,
)
from session_api.store.runs import cancel_runs_of_connection
from session_api.store.starts import lock_tenants
from session_api.use_cases.connections import cancellation


class BindingInUse:
    """Another tenant has an active run on the Microsoft tenant."""


class TenantBindings:
    """The changes of tenant bindings, each in one transaction with its audit events."""

    def __init__(self, database: Database, outbox: Outbox, *, silence_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._silence_seconds = silence_seconds

    async def set(self, binding: TenantBinding, user_id: int) -> StoredBinding | BindingInUse:
        """Bind a Microsoft tenant, in place of its binding so far. Idempotent.

        It changes its tenant only when the runs of the other one have ended: the guard of a tenant knows its own runs.
        """
        microsoft = binding.microsoft_tenant

        async def work(tx: AsyncConnection) -> StoredBinding | BindingInUse:
            before = await find_binding(tx, microsoft)
            if before is not None and before.binding == binding:
                return before
            tenants = {binding.tenant_id} if before is None else {binding.tenant_id, before.binding.tenant_id}
            await lock_tenants(tx, tenants)
            if await busy_elsewhere(tx, binding.tenant_id, microsoft):
                return BindingInUse()
            stored = await save_binding(tx, binding, user_id)
            messages: list[Outgoing] = []
            for tenant_id in sorted(tenants):
                cancelled = await self._cancel(tx, tenant_id, microsoft, user_id)
                messages += cancelled
                if tenant_id != binding.tenant_id:
                    messages.append(_removed(tenant_id, microsoft, user_id, stored.set_at, len(cancelled)))
                else:
                    messages.append(_set(stored, len(cancelled)))
            await self._outbox.append(tx, messages)
            return stored

        return await self._database.run(work)

    async def remove(self, microsoft: MicrosoftTenant, user_id: int) -> bool:
        """Remove the binding of a Microsoft tenant; False if it has none."""

        async def work(tx: AsyncConnection) -> bool:
            before = await find_binding(tx, microsoft)
            if before is None:
                return False
            tenant_id = before.binding.tenant_id
            await lock_tenants(tx, [tenant_id])
            at = await remove_binding(tx, microsoft)
            if at is None:
                return False
            cancelled = await self._cancel(tx, tenant_id, microsoft, user_id)
            await self._outbox.append(tx, [*cancelled, _removed(tenant_id, microsoft, user_id, at, len(cancelled))])
            return True

        return await self._database.run(work)

    async def _cancel(
        self, tx: AsyncConnection, tenant_id: int, microsoft: MicrosoftTenant, user_id: int
    ) -> list[Outgoing]:
        """Cancel the active runs of the tenant's connections that are no longer bound; returns the commands."""
        messages: list[Outgoing] = []
        for connection_id in await unbound_connections(tx, tenant_id, microsoft):
            runs = await cancel_runs_of_connection(tx, tenant_id, connection_id, user_id, self._silence_seconds)
            messages += [cancellation(run, user_id) for run in runs]
        return messages


def _set(stored: StoredBinding, cancelled_runs: int) -> Outgoing:
    binding = stored.binding
    event = TenantBindingSet(
        tenant_id=binding.tenant_id,
        by_user_id=stored.set_by_user_id,
        occurred_at=stored.set_at,
        external_tenant_id=binding.external_tenant_id,
        cloud=binding.cloud,
        client_id=binding.client_id,
        credential_ref=binding.credential,
        cancelled_runs=cancelled_runs,
    )
    return Outgoing(event, traceparent=current_traceparent())


def _removed(tenant_id: int, microsoft: MicrosoftTenant, user_id: int, at: datetime, cancelled_runs: int) -> Outgoing:
    event = TenantBindingRemoved(
        tenant_id=tenant_id,
        by_user_id=user_id,
        occurred_at=at,
        external_tenant_id=microsoft.external_tenant_id,
        cloud=microsoft.cloud,
        cancelled_runs=cancelled_runs,
    )
    return Outgoing(event, traceparent=current_traceparent())
