"""The whole service over a real database: its HTTP side in process, its consumers fed by hand or by a real broker."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration, TaskTypesAnnounced
from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_TYPES
from onboarding_shared.contracts.types import Mode, Scope
from onboarding_shared.devstack.identity import ISSUER, PERMISSIONS, Identity
from onboarding_shared.postgres.migrate import migrate
from onboarding_shared.runtime.settings import (
    DatabaseSettings,
    HttpSettings,
    IdentitySettings,
    KafkaSettings,
    LogSettings,
)
from session_api.app import SessionApi, build
from session_api.consumers import applies
from session_api.settings import SessionApiSettings

TENANT = 42


def declaration(name: str, **more: Any) -> TaskTypeDeclaration:
    """A task type of step 1 that only reads, unless said otherwise."""
    given = {"title": name, "step": 1, "scope": Scope.TENANT, "mode": Mode.SHARED, "time_limit_seconds": 60.0, **more}
    return TaskTypeDeclaration(name=name, **given)


CATALOGUE = (
    declaration("graph.connectivity", scope=Scope.CONNECTION),
    declaration("app.consent", step=2),
    declaration("license.inventory", step=3),
    declaration("identity.baseline", step=4),
    declaration("identity.global_admins", step=5),
    declaration("app.optional", step=2, required=False),
    declaration("app.consent_grant", step=2, mode=Mode.EXCLUSIVE, required=False),
    declaration("app.other_grant", step=2, mode=Mode.EXCLUSIVE, required=False),
)


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    made = Identity(tmp_path_factory.mktemp("identity"))
    made.ensure()
    return made


@pytest.fixture
def settings(database_url: str, identity: Identity) -> SessionApiSettings:
    """A broker that nobody listens at: what needs one asks for it."""
    migrate(database_url, "session_api.store.migrations")
    return make_settings(database_url, identity)


def make_settings(database_url: str, identity: Identity, **more: Any) -> SessionApiSettings:
    kafka = KafkaSettings(
        bootstrap_servers="127.0.0.1:9", enable_idempotence=False, replication_factor=1, topic_partitions=3
    )
    given: dict[str, Any] = {
        "database": DatabaseSettings(url=database_url),
        "kafka": kafka,
        "log": LogSettings(),
        "http": HttpSettings(),
        "identity": IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
        "evidence_store_url": "http://127.0.0.1:9",
        **more,
    }
    return SessionApiSettings(**given)


class Api:
    """One service, and callers of it."""

    def __init__(self, service: SessionApi, settings: SessionApiSettings, identity: Identity) -> None:
        self.service = service
        self.settings = settings
        self._identity = identity
        self._clients: list[httpx2.AsyncClient] = []
        self._sequences: dict[tuple[str, int], int] = {}

    def caller(
        self, user: int = 7, *, tenants: Sequence[int] = (TENANT,), permissions: Sequence[str] = PERMISSIONS
    ) -> httpx2.AsyncClient:
        """A client with a token of its own."""
        token = self._identity.token(user, tenants, permissions)
        return self.client({"authorization": f"Bearer {token}"})

    def client(self, headers: dict[str, str]) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.service.app, raise_app_exceptions=True)
        client = httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers)
        self._clients.append(client)
        return client

    async def hear(self, *messages: Message) -> None:
        """Let the service's consumer apply these messages, as if they came from Kafka."""
        rules = applies(silence_seconds=self.settings.silence_seconds)
        for topic in (OPERATION_RUNS, TASK_TYPES):
            received = [self._received(message) for message in messages if message.topic == topic]
            if received:
                async with self.service.database.transaction() as connection:
                    await rules[topic](connection, received)

    def _received(self, message: Message) -> Received:
        key = (message.topic.name, message.tenant_id)
        self._sequences[key] = self._sequences.get(key, 0) + 1
        return Received(
            message=message,
            topic=message.topic.name,
            tenant_id=message.tenant_id,
            sequence=self._sequences[key],
            message_id=f"{key}-{self._sequences[key]}",
            source="test",
            time="2026-11-24T09:30:00.000000Z",
        )

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.service.database.transaction() as connection:
            result = await connection.execute(text(sql), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    async def said(self) -> list[tuple[str, int]]:
        """Type and tenant of every message in the outbox, in order."""
        rows = await self.rows("SELECT event_type, tenant_id FROM outbox ORDER BY id")
        return [(event_type.split(".")[2], tenant_id) for event_type, tenant_id in rows]

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self.service.evidence.close()
        await self.service.database.close()


@pytest.fixture
async def api(settings: SessionApiSettings, identity: Identity) -> AsyncIterator[Api]:
    made = Api(build(settings), settings, identity)
    await made.hear(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    yield made
    await made.close()
