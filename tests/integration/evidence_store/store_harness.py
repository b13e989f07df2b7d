"""An evidence store on a real database, without Kafka: messages are applied directly, HTTP runs in process."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import httpx2
from sqlalchemy import text

from evidence_store.app import EvidenceStore
from evidence_store.use_cases.recording import Recording
from onboarding_devstack.identity import PERMISSIONS, Identity
from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.types import CheckStatus, RunState
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from tests.support.engines import Server
from tests.support.evidence_chains import result
from tests.support.published import PublishedPage

MIXED = (
    (
        result(1, task_type="graph.connectivity", session_id=None),
        result(2, task_type="app.consent", status=CheckStatus.FAIL, reason_code="CONSENT_MISSING"),
        result(3, task_type="app.consent"),
    ),
    (
        result(4, session_id=10),
        result(5, state=RunState.TIMED_OUT, status=CheckStatus.UNKNOWN, reason_code="TIME_LIMIT_EXCEEDED"),
        result(7, tenant_id=43),
    ),
    (result(6, status=CheckStatus.WARN),),
)
"""Three batches: runs 1 to 6 of tenant 42, and run 7 of tenant 43."""

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class StoreHarness:
    """One evidence store: its consumer, its database, its outbox and its HTTP clients."""

    def __init__(self, service: EvidenceStore, url: str, server: Server, identity: Identity) -> None:
        self.service = service
        self.database: Database = service.database
        self.url = url
        self._server = server
        self._identity = identity
        self._intake = Recording(service.outbox)
        self._clients: list[httpx2.AsyncClient] = []

    async def consume(self, *messages: Message, traceparent: str | None = TRACE) -> None:
        """Apply the messages as one batch of the consumer."""
        async with self.database.transaction() as connection:
            await self._intake.apply(connection, received(messages, traceparent))

    async def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """The rows that a statement returns."""
        async with self.database.transaction() as connection:
            cursor = await connection.execute(text(sql), values)
            return [tuple(row) for row in cursor] if cursor.returns_rows else []

    async def outbox_messages(self) -> list[EvidenceRecorded]:
        """All messages in the outbox, in order."""
        rows = await self.rows("SELECT topic, data FROM outbox ORDER BY id")
        return [decode_data(topic, data) for topic, data in rows]

    async def tamper(self, *statements: str) -> None:
        """Run statements as the superuser with the triggers disabled."""
        connection = await asyncpg.connect(self._server.superuser_url(self.url))
        try:
            await connection.execute("SET session_replication_role = replica")
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def reader(
        self,
        *,
        tenants: Sequence[int] | Mapping[int, Sequence[str]] = (42,),
        permissions: Sequence[str] = PERMISSIONS,
        user: int = 7,
    ) -> httpx2.AsyncClient:
        """A caller with a token of its own."""
        return self.client({"authorization": f"Bearer {self._identity.token(user, tenants, permissions)}"})

    def client(self, headers: dict[str, str]) -> httpx2.AsyncClient:
        """A caller with exactly these headers."""
        transport = httpx2.ASGITransport(app=self.service.http)
        client = httpx2.AsyncClient(
            transport=transport,
            base_url="http://store",
            headers=headers,
            event_hooks={"response": [PublishedPage(self.service.http).check]},
        )
        self._clients.append(client)
        return client

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self.database.close()


def received(messages: Sequence[Message], traceparent: str | None = TRACE) -> list[Received]:
    """The messages as the inbox passes them on, after its check of the sequence."""
    return [
        Received(
            message=message,
            topic=message.topic.name,
            tenant_id=message.tenant_id,
            sequence=number,
            message_id=str(number),
            source="/test",
            time="2026-11-24T09:30:00.000000Z",
            traceparent=traceparent,
        )
        for number, message in enumerate(messages, start=1)
    ]


def idle_outbox() -> Outbox:
    """An outbox that wakes no relay."""
    return Outbox()
