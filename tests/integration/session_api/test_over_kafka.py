"""The service on a real broker: it publishes commands and events, and consumes the messages of a runner."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.cloudevents import Received, Undecodable, decode, encode_headers
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.run_keys import RunKeys, mac_of
from onboarding_shared.contracts.session_api import StartTask
from onboarding_shared.contracts.task_runner import RunFinished, TaskTypesAnnounced
from onboarding_shared.contracts.topics import OPERATION_RUNS, SESSIONS, TASK_COMMANDS, TASK_TYPES
from onboarding_shared.contracts.types import CheckStatus, RunState
from onboarding_shared.messaging.kafka import ensure_topics
from onboarding_shared.process.message_settings import RunKeySettings
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import CATALOGUE, Api, make_settings
from tests.support.engines import kafka_settings
from tests.support.waiting import eventually

TENANT = 4200
SECRETS = ("s" * 32,)


class Runner:
    """Publishes on the topics of task-runner and consumes those of session-api, from their ends.

    Other tests have used the broker: what they left in the topics need not be readable.
    """

    def __init__(self, kafka: str) -> None:
        self._producer = AIOKafkaProducer(bootstrap_servers=kafka)
        self._consumer = AIOKafkaConsumer(
            TASK_COMMANDS.name, SESSIONS.name, bootstrap_servers=kafka, auto_offset_reset="latest"
        )
        self._sequences: dict[tuple[str, int], int] = {}
        self.consumed: list[Received] = []

    async def start(self) -> None:
        await self._producer.start()
        await self._consumer.start()
        await self._consumer.seek_to_end()
        self._task = asyncio.create_task(self._consume())

    async def stop(self) -> None:
        self._task.cancel()
        await self._consumer.stop()
        await self._producer.stop()

    async def _consume(self) -> None:
        async for record in self._consumer:
            with suppress(Undecodable):
                self.consumed.append(decode(record.topic, record.key, record.value, record.headers))

    async def publish(self, message: Message, encoded: bytes, run_key: str | None = None) -> None:
        key = (message.topic.name, message.tenant_id)
        self._sequences[key] = self._sequences.get(key, 0) + 1
        mac = run_key and mac_of(run_key, message.topic.name, self._sequences[key], encoded)
        headers = encode_headers(
            message_id=f"{key}-{self._sequences[key]}",
            source=message.topic.source,
            event_type=message.event_type(),
            time=datetime.now(UTC),
            subject=message.subject,
            tenant_id=message.tenant_id,
            sequence=self._sequences[key],
            traceparent=None,
            mac=mac,
        )
        await self._producer.send_and_wait(
            message.topic.name, key=str(message.tenant_id).encode(), value=encoded, headers=headers
        )

    @property
    def run_key(self) -> str | None:
        """The key in the only command."""
        commands = [record.message for record in self.consumed if isinstance(record.message, StartTask)]
        (command,) = [command for command in commands if command.tenant_id == TENANT]
        return command.run_key

    def names(self) -> list[str]:
        return [type(record.message).__name__ for record in self.consumed if record.tenant_id == TENANT]


@pytest.fixture
async def online(settings: SessionApiSettings, identity: Identity, kafka: str) -> AsyncIterator[Api]:
    connected = kafka_settings(kafka)
    await ensure_topics(connected, (TASK_COMMANDS, SESSIONS, OPERATION_RUNS, TASK_TYPES))
    run_keys = RunKeySettings.model_construct(secrets=SECRETS, accept_without_mac=False)
    made = make_settings(settings.database.url, identity, kafka=connected, run_keys=run_keys)
    service = build(made)
    await service.start()
    yield Api(service, made, identity)
    await service.stop()


@pytest.fixture
async def runner(kafka: str) -> AsyncIterator[Runner]:
    made = Runner(kafka)
    await made.start()
    yield made
    await made.stop()


def result(run_id: int, status: CheckStatus) -> RunFinished:
    return RunFinished(
        tenant_id=TENANT,
        run_id=run_id,
        task_type="license.inventory",
        attempt=1,
        state=RunState.SUCCEEDED,
        status=status,
        reason_code="ENOUGH_SEATS",
        finished_at=datetime.now(UTC),
    )


async def become_ready(online: Api, runner: Runner) -> None:
    """Announce the catalogue over Kafka: the service is ready only with it."""

    async def ready() -> int:
        return (await online.caller().get("/health/ready")).status_code

    assert await ready() == 503
    announced = TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE)
    await runner.publish(announced, encode(announced))
    await eventually(ready, equals=200, seconds=30)


async def test_a_run_goes_out_and_comes_back_over_kafka(online: Api, runner: Runner) -> None:
    caller = online.caller(7, tenants=[TENANT])
    await become_ready(online, runner)

    await caller.post(f"/tenants/{TENANT}/onboarding/session")
    started = await caller.post(f"/tenants/{TENANT}/onboarding/tasks/license.inventory/runs")
    await eventually(lambda: sorted(runner.names()), equals=["SessionLockChanged", "SessionStarted", "StartTask"])

    finished = result(started.json()["run_id"], CheckStatus.WARN)
    await runner.publish(finished, encode(finished), runner.run_key)

    async def state() -> str:
        return str((await caller.get(started.json()["url"])).json()["state"])

    await eventually(state, equals="succeeded", seconds=30)


async def test_only_who_got_the_command_reports_on_a_run(online: Api, runner: Runner) -> None:
    caller = online.caller(7, tenants=[TENANT])
    await become_ready(online, runner)
    run_id = (await caller.post(f"/tenants/{TENANT}/onboarding/tasks/license.inventory/runs")).json()["run_id"]
    await eventually(lambda: "StartTask" in runner.names())
    forged, genuine = result(run_id, CheckStatus.OK), result(run_id, CheckStatus.FAIL)
    await runner.publish(forged, encode(forged))
    await runner.publish(forged, encode(forged), RunKeys(["f" * 32]).key_of(TENANT, run_id))
    await runner.publish(genuine, encode(genuine), runner.run_key)

    async def status() -> str | None:
        ((stored,),) = await online.rows("SELECT status FROM operation_runs")
        return stored

    await eventually(status, equals="fail", seconds=30)
    letters = await online.rows("SELECT reason_code FROM dead_letters")
    assert [code for (code,) in letters] == ["MAC_INVALID", "MAC_INVALID"]


async def test_published_messages_have_gapless_sequences_and_their_requests_trace(online: Api, runner: Runner) -> None:
    await online.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    caller = online.caller(7, tenants=[TENANT + 1])
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    for task_type in ("license.inventory", "app.consent", "identity.baseline"):
        await caller.post(
            f"/tenants/{TENANT + 1}/onboarding/tasks/{task_type}/runs",
            headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
        )

    def mine() -> list[Received]:
        return [record for record in runner.consumed if record.tenant_id == TENANT + 1]

    await eventually(lambda: [record.sequence for record in mine()], equals=[1, 2, 3])
    assert {record.traceparent.split("-")[1] for record in mine() if record.traceparent} == {trace}
    assert {record.source for record in mine()} == {"/onboarding/session-api"}


def encode(message: Message) -> bytes:
    return msgspec.json.encode(message)
