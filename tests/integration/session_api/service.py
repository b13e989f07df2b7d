"""The service for a test, without Kafka: HTTP runs in process, messages are applied directly."""

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import httpx2
import msgspec
from sqlalchemy import text

from onboarding_devstack.identity import ISSUER, PERMISSIONS, Identity
from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.session_api import SessionLockChanged
from onboarding_shared.contracts.task_runner import RunFinished, RunStarted, TaskTypeDeclaration
from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_TYPES
from onboarding_shared.contracts.types import CheckStatus, Mode, RunState, Scope
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, IdentitySettings, LogSettings
from session_api.app import SessionApi
from session_api.consumers import applies
from session_api.settings import SessionApiSettings
from session_api.use_cases.catalogue import Catalogue
from session_api.use_cases.projection import Projection
from tests.support.engines import kafka_settings
from tests.support.published import PublishedPage

TENANT = 42

BIND = """
INSERT INTO tenant_bindings (external_tenant_id, cloud, tenant_id, client_id, credential, set_by_user_id)
VALUES (:external_tenant_id, :cloud, :tenant, :client_id, :credential_ref, 1) ON CONFLICT DO NOTHING
"""


class WantedConnection(msgspec.Struct):
    """The fields of a request for a connection that a binding has too."""

    external_tenant_id: uuid.UUID
    client_id: uuid.UUID
    credential_ref: str
    cloud: str = "public"


def declaration(name: str, **more: Any) -> TaskTypeDeclaration:
    """A task type of step 1 that only reads, unless the arguments differ."""
    given = {"title": name, "step": 1, "scope": Scope.TENANT, "mode": Mode.SHARED, "time_limit_seconds": 60.0, **more}
    return TaskTypeDeclaration(name=name, **given)


CATALOGUE = (
    declaration("graph.connectivity", scope=Scope.CONNECTION),
    declaration("app.consent", step=2),
    declaration("license.inventory", step=3),
    declaration("identity.baseline", step=4),
    declaration("identity.global_admins", step=5),
    declaration("app.optional", step=2, required=False),
    declaration("app.grant", step=2, mode=Mode.EXCLUSIVE, required=False),
    declaration("app.other_grant", step=2, mode=Mode.EXCLUSIVE, required=False),
)


def make_settings(database_url: str, identity: Identity, **more: Any) -> SessionApiSettings:
    given: dict[str, Any] = {
        "database": DatabaseSettings(url=database_url),
        "kafka": kafka_settings("127.0.0.1:9"),
        "log": LogSettings(),
        "http": HttpSettings(),
        "identity": IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER),
        "evidence_store_url": "http://127.0.0.1:9",
        **more,
    }
    return SessionApiSettings(**given)


class Api:
    """One service, and callers of it."""

    def __init__(
        self,
        service: SessionApi,
        settings: SessionApiSettings,
        identity: Identity,
        *,
        as_published: bool = True,
        binds: bool = True,
    ) -> None:
        """``as_published``: each answer is compared with the API page; not where evidence-store is an imitation.

        ``binds``: the binding of a new connection is set before the request for it, if its Microsoft tenant has none.
        """
        self._before = [self._bind] if binds else []
        self._checks = [PublishedPage(service.app).check] if as_published else []
        self.service = service
        self.settings = settings
        self._identity = identity
        self._clients: list[httpx2.AsyncClient] = []
        self._sequences: dict[tuple[str, int], int] = {}

    def caller(
        self,
        user: int = 7,
        *,
        tenants: Sequence[int] | Mapping[int, Sequence[str]] | Literal["all"] = (TENANT,),
        permissions: Sequence[str] = PERMISSIONS,
    ) -> httpx2.AsyncClient:
        """A client with a token of its own."""
        token = self._identity.token(user, tenants, permissions)
        return self.client({"authorization": f"Bearer {token}"})

    def client(self, headers: dict[str, str]) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=self.service.app, raise_app_exceptions=True)
        client = httpx2.AsyncClient(
            transport=transport,
            base_url="http://api",
            headers=headers,
            event_hooks={"request": self._before, "response": self._checks},
        )
        self._clients.append(client)
        return client

    async def _bind(self, request: httpx2.Request) -> None:
        """Bind the connection that a technician is about to make, as an operator does."""
        if request.method != "POST" or not request.url.path.endswith("/provider-connections"):
            return
        with contextlib.suppress(msgspec.MsgspecError, ValueError):
            new = msgspec.json.decode(request.content, type=WantedConnection)
            tenant_id = int(request.url.path.split("/")[2])
            await self.rows(BIND, tenant=tenant_id, **msgspec.to_builtins(new))

    async def consume(self, *messages: Message) -> None:
        """Let the service's consumer apply these messages, as if they came from Kafka."""
        rules = applies(
            Projection(silence_seconds=self.settings.silence_seconds),
            Catalogue(released=self.settings.released_task_types),
        )
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

    async def finish(
        self,
        run_id: int,
        task_type: str,
        status: str = "ok",
        *,
        state: RunState = RunState.SUCCEEDED,
        tenant_id: int = TENANT,
        reason_code: str = "DONE",
    ) -> None:
        """Apply the message that the run has ended."""
        await self.consume(
            RunFinished(
                tenant_id=tenant_id,
                run_id=run_id,
                task_type=task_type,
                attempt=1,
                state=state,
                status=CheckStatus(status),
                reason_code=reason_code,
                message=f"{task_type} is {status}",
                started_at=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
                finished_at=datetime.now(UTC),
            )
        )

    async def begin(self, run_id: int, task_type: str, *, attempt: int = 1) -> None:
        """Apply the message that a worker has claimed the run."""
        at = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
        await self.consume(
            RunStarted(tenant_id=TENANT, run_id=run_id, task_type=task_type, attempt=attempt, started_at=at)
        )

    async def run_to_end(self, task_type: str, status: str = "ok") -> int:
        """Start a task over HTTP and let it end."""
        run_id = (await self.start(task_type)).json()["run_id"]
        await self.finish(run_id, task_type, status)
        return run_id

    async def start(self, task_type: str, body: Any = None, *, user: int = 7) -> httpx2.Response:
        """Start a task over HTTP."""
        path = f"/tenants/{TENANT}/onboarding/tasks/{task_type}/runs"
        return await self.caller(user).post(path, **({} if body is None else {"json": body}))

    async def connection(self, name: str = "main") -> int:
        """A new provider connection."""
        answer = await self.caller().post(
            f"/tenants/{TENANT}/onboarding/provider-connections",
            json=connection_body(name, external_tenant_id=str(uuid.uuid5(uuid.NAMESPACE_DNS, name))),
        )
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def session(self, *, user: int = 7) -> dict[str, Any]:
        """The open session, made where there is none."""
        return dict((await self.caller(user).post(f"/tenants/{TENANT}/onboarding/session")).json())

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.service.database.transaction() as connection:
            result = await connection.execute(text(sql), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    async def outbox_messages(self) -> list[tuple[str, int]]:
        """Type and tenant of every message in the outbox but audit events and those of edit locks, in order."""
        sql = "SELECT event_type, tenant_id FROM outbox WHERE topic NOT LIKE 'onboarding.audit.%' ORDER BY id"
        named = [(event_type.split(".")[2], tenant_id) for event_type, tenant_id in await self.rows(sql)]
        return [(name, tenant_id) for name, tenant_id in named if name != "SessionLockChanged"]

    async def lock_messages(self) -> list[SessionLockChanged]:
        """The messages about edit locks in the outbox, in order."""
        rows = await self.rows(
            "SELECT topic, data FROM outbox WHERE event_type LIKE '%.SessionLockChanged.v1' ORDER BY id"
        )
        messages = [decode_data(topic, data) for topic, data in rows]
        return [message for message in messages if isinstance(message, SessionLockChanged)]

    async def audit_events(self) -> list[Message]:
        """The audit events in the outbox, in order."""
        rows = await self.rows("SELECT topic, data FROM outbox WHERE topic LIKE 'onboarding.audit.%' ORDER BY id")
        return [decode_data(topic, data) for topic, data in rows]

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()
        await self.service.evidence.close()
        await self.service.states.close()
        await self.service.database.close()


def connection_body(name: str = "main", **more: Any) -> dict[str, Any]:
    """The body of a request that creates a provider connection."""
    return {
        "provider": "microsoft_graph",
        "display_name": name,
        "external_tenant_id": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "client_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
        "credential_ref": "graph-main",
        "cloud": "public",
        **more,
    }
