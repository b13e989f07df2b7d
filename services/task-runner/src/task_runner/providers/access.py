"""The providers of one process, which create the context of every attempt."""

import asyncio
import math
import time
from types import TracebackType
from typing import Any, Self

import msgspec

from task_runner.providers.credentials.bound import BindingFile
from task_runner.providers.credentials.choice import Credentials
from task_runner.providers.credentials.managed_identity import ManagedIdentities
from task_runner.providers.graph import GraphClient, SharedParts
from task_runner.providers.http import SharedTransport, open_client
from task_runner.providers.http_record import RecordedTransport
from task_runner.providers.memory import AnswerMemory, Share
from task_runner.providers.messages import AttemptLimits
from task_runner.providers.readings import SharedReadings
from task_runner.providers.record import ResponseRecord
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.providers.tokens import GraphSessions
from task_runner.tasks.context import (
    NO_DETAILS,
    Clients,
    Connection,
    ProgressReport,
    RunDetails,
    TaskContext,
    ignore_progress,
)
from task_runner.tasks.result import TaskFault

STARTED_TOGETHER = 5.0
"""Seconds before a run was due from which its readings may be: runs that are started together share theirs."""


class Providers:
    """The HTTP connection pool and the cached tokens of the process. Close it, or use it as async context manager."""

    def __init__(
        self,
        settings: ProviderSettings | None = None,
        identities: ManagedIdentities | None = None,
        *,
        bindings: BindingFile | None = None,
    ) -> None:
        """``bindings``: those of the file in the settings, unless others are given."""
        self.settings = settings or ProviderSettings()
        self._partner = (self.settings.partner_tenant_id or "").lower()
        self._transport = SharedTransport(self.settings)
        self.bindings = bindings or BindingFile(
            self.settings.bindings_path, partner_tenant_id=self.settings.partner_tenant_id
        )
        self._credentials = Credentials(self.settings, self.bindings, identities)
        self.memory = AnswerMemory(self.settings.answer_memory)
        readings = SharedReadings(
            longest=self.settings.shared_reading_seconds,
            entries=self.settings.max_readings,
            size=self.settings.max_reading_bytes,
            memory=self.memory,
        )
        sessions = GraphSessions(self.settings, self._transport, self._credentials)
        self._parts = SharedParts(self.settings, sessions, readings)

    def context_for(
        self,
        *,
        tenant_id: int,
        run_id: int,
        attempt: int,
        connection: Connection | None,
        deadline: float,
        report: ProgressReport = ignore_progress,
        cancelled: asyncio.Event | None = None,
        details: RunDetails = NO_DETAILS,
    ) -> TaskContext:
        """Return the context of one attempt, without I/O. The credential is read at the first request of the task.

        ``deadline`` is a ``time.monotonic()`` value; ``report`` is awaited with each progress. Raises ``TaskFault``
        for a connection to the partner's own tenant.
        """
        if connection is not None and connection.external_tenant_id.lower() == self._partner:
            message = "The provider connection is to the partner's own tenant, which is no customer."
            raise TaskFault("CONNECTION_TO_PARTNER", message)
        dry_run = details.dry_run
        share = Share(self.memory, deferrals=details.uncounted)
        limits = AttemptLimits(deadline, share, run_id, dry_run, _readings_since(details), details.uncounted)
        record = ResponseRecord()
        graph, partner_graph = self._clients(tenant_id, connection, limits, record)
        recorded = RecordedTransport(self._transport, record)
        return TaskContext(
            tenant_id=tenant_id,
            run_id=run_id,
            attempt=attempt,
            connection=connection,
            clients=Clients(
                open_http=lambda: open_client(recorded, self.settings, read_only=dry_run),
                record=record,
                graph=graph,
                partner_graph=partner_graph,
                emergency_access=self._emergency_access(connection),
                gdap=self.settings.gdap,
                report=report,
                close=share.close,
            ),
            deadline=deadline,
            cancelled=cancelled,
            details=details,
        )

    async def context_of_run(self, *, tenant_id: int, connection: Connection | None, **attempt: Any) -> TaskContext:
        """As ``context_for``; what the operator has bound before counts."""
        if connection is not None:
            await self.bindings.refresh_for(TenantConnection(tenant_id, connection))
        return self.context_for(tenant_id=tenant_id, connection=connection, **attempt)

    def _clients(
        self, tenant_id: int, connection: Connection | None, limits: AttemptLimits, record: ResponseRecord
    ) -> tuple[GraphClient | None, GraphClient | None]:
        """Return the clients of the customer's and of the partner's tenant, which share one record."""
        if connection is None:
            return None, None
        use = TenantConnection(tenant_id, connection)
        graph = GraphClient(use, self._parts, limits, record)
        partner = self.settings.partner_tenant_id
        if partner is None:
            return graph, None
        own = use._replace(
            connection=msgspec.structs.replace(connection, external_tenant_id=partner),
            partner_of=connection.external_tenant_id,
        )
        return graph, GraphClient(own, self._parts, limits, record)

    def _emergency_access(self, connection: Connection | None) -> frozenset[str]:
        tenant = connection.external_tenant_id.lower() if connection else ""
        return frozenset(account.lower() for account in self.settings.emergency_access.get(tenant, ()))

    async def close(self) -> None:
        """Close the HTTP connection pool. Existing contexts cannot be used after it."""
        await self._credentials.close()
        await self._transport.close_pool()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def _readings_since(details: RunDetails) -> float:
    """The earliest ``time.monotonic()`` of a reading for this attempt. What woke a run came before it."""
    limits = [math.inf] if details.since_due is None else [details.since_due + STARTED_TOGETHER]
    limits += [] if details.since_wake is None else [details.since_wake]
    return time.monotonic() - min(limits)
