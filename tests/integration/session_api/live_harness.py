"""Instances of the service that listen, streams of them, and a publisher of the messages that they tell."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self

import httpx2
import msgspec
from aiokafka import AIOKafkaProducer

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.cloudevents import encode_headers
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.run_keys import RunKeys, mac_of
from onboarding_shared.contracts.session_api import SessionStarted
from onboarding_shared.contracts.task_runner import Progress, RunProgressed
from onboarding_shared.contracts.topics import ALL_TOPICS
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.kafka import ensure_topics
from onboarding_shared.process.message_settings import RunKeySettings
from onboarding_shared.process.service_settings import HttpSettings
from onboarding_shared.web.server import Server, make_server
from session_api.app import SessionApi, build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import make_settings
from tests.support.engines import kafka_settings

SECRETS = ("s" * 32,)
SECONDS = 20.0


class Event(msgspec.Struct):
    """A block of a stream: its id, its type and its data; a comment has no type."""

    id: str | None = None
    type: str | None = None
    data: dict[str, Any] = {}


class Stream:
    """A client that reads one stream."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.last_id: str | None = None
        self._lines = answer.aiter_lines()

    async def block(self, seconds: float = SECONDS) -> Event:
        """The next block. Raises ``StopAsyncIteration`` at the end of the stream."""
        event = Event()
        async with asyncio.timeout(seconds):
            while line := await anext(self._lines):
                name, _, value = line.partition(": ")
                match name:
                    case "id":
                        event.id = self.last_id = value
                    case "event":
                        event.type = value
                    case "data":
                        event.data = json.loads(value)
        return event

    async def event(self, seconds: float = SECONDS) -> Event:
        """The next block that is an event."""
        while (event := await self.block(seconds)).type is None:
            pass
        return event

    async def runs(self, count: int) -> list[int]:
        """The ids of the next runs that are told."""
        ids: list[int] = []
        while len(ids) < count:
            event = await self.event()
            if event.type == "run":
                ids.append(event.data["run_id"])
        return ids

    async def until_end(self) -> list[str]:
        """The types of the events up to the end of the stream."""
        types: list[str] = []
        try:
            while True:
                types.append(str((await self.event()).type))
        except StopAsyncIteration:
            return types


class Instance:
    """One instance that listens."""

    def __init__(self, settings: SessionApiSettings, identity: Identity) -> None:
        self.service: SessionApi = build(settings)
        self._server: Server = make_server(self.service.app, settings.http)
        self._identity = identity
        self._task: asyncio.Task[None] | None = None
        self._clients: list[httpx2.AsyncClient] = []

    async def start(self) -> Self:
        self._task = asyncio.create_task(self._server.serve())
        async with asyncio.timeout(SECONDS):
            while not self._server.started:
                await asyncio.sleep(0.02)
        return self

    async def stop(self) -> None:
        """Stop as a signal does, and wait until it has ended."""
        if self._task is not None and not self._task.done():
            self._server.stop()
            await self._task

    async def close(self) -> None:
        """Stop, and close the clients."""
        await self.stop()
        for client in self._clients:
            await client.aclose()

    @property
    def port(self) -> int:
        return int(self._server.servers[0].sockets[0].getsockname()[1])

    def token(self, user: int, tenants: Any, lifetime: float = 3600) -> str:
        return self._identity.token(user, tenants, ["onboarding.read", "onboarding.write"], lifetime)

    def client(self, tenants: Any, *, user: int = 7, lifetime: float = 3600) -> httpx2.AsyncClient:
        headers = {"authorization": f"Bearer {self.token(user, tenants, lifetime)}"}
        client = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", headers=headers, trust_env=False, timeout=60
        )
        self._clients.append(client)
        return client

    @asynccontextmanager
    async def stream(
        self, path: str, tenants: Any, *, last_id: str | None = None, user: int = 7, lifetime: float = 3600
    ) -> AsyncIterator[Stream]:
        """An open stream, whose first block has been read."""
        headers = {} if last_id is None else {"last-event-id": last_id}
        async with self.client(tenants, user=user, lifetime=lifetime).stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            stream = Stream(answer)
            await stream.block()
            yield stream


class Publisher:
    """Publishes messages as the services do, each with the MAC of its run."""

    def __init__(self, kafka: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=kafka)
        self._sequences: dict[tuple[str, int], int] = {}

    async def start(self) -> None:
        await self._producer.start()

    async def stop(self) -> None:
        await self._producer.stop()

    async def publish(
        self, message: Message, *, secrets: tuple[str, ...] = SECRETS, partition: int | None = None
    ) -> None:
        topic, key = message.topic.name, (message.topic.name, message.tenant_id)
        self._sequences[key] = sequence = self._sequences.get(key, 0) + 1
        data = msgspec.json.encode(message)
        run_key = RunKeys(secrets).key_of(message.tenant_id, getattr(message, "run_id", 0))
        headers = encode_headers(
            message_id=f"{key}-{sequence}",
            source=message.topic.source,
            event_type=message.event_type(),
            time=datetime.now(UTC),
            subject=message.subject,
            tenant_id=message.tenant_id,
            sequence=sequence,
            traceparent=None,
            mac=mac_of(run_key or "", topic, sequence, data),
        )
        await self._producer.send_and_wait(
            topic, key=str(message.tenant_id).encode(), value=data, headers=headers, partition=partition
        )

    async def run(self, tenant_id: int, run_id: int, **more: Any) -> None:
        """Publish the progress of a run."""
        message = RunProgressed(
            tenant_id=tenant_id, run_id=run_id, task_type="license.inventory", attempt=1, state=RunState.RUNNING,
            progress=Progress(done=1), message=more.pop("message", None),
        )  # fmt: skip
        await self.publish(message, **more)

    async def session(self, tenant_id: int, session_id: int, *, partition: int | None = None) -> None:
        await self.publish(
            SessionStarted(tenant_id=tenant_id, session_id=session_id, by_user_id=7), partition=partition
        )


async def live_settings(url: str, identity: Identity, kafka: str, **more: Any) -> SessionApiSettings:
    """The settings of instances that share a database and a broker with all topics."""
    connected = kafka_settings(kafka)
    await ensure_topics(connected, ALL_TOPICS)
    run_keys = RunKeySettings.model_construct(secrets=SECRETS, accept_without_mac=False)
    http = HttpSettings().model_copy(update={"port": 0})
    return make_settings(url, identity, kafka=connected, run_keys=run_keys, **{"http": http, **more})
