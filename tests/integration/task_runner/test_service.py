"""The service on a real broker and a real database."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx2
import msgspec
import pytest
import structlog
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from onboarding_shared.contracts.cloudevents import Received, decode, encode_headers
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import RunFinished, TaskTypesAnnounced, UnusableTasks
from onboarding_shared.contracts.topics import ALL_TOPICS, OPERATION_RUNS, TASK_TYPES
from onboarding_shared.messaging.kafka import ensure_topics, make_producer
from onboarding_shared.process.service_settings import DatabaseSettings, HttpSettings, LogSettings
from task_runner.app import TaskRunner, build
from task_runner.settings import OutsideSettings, TaskRunnerSettings, WorkerSettings
from task_runner.tasks import DeclarationError, Result, TaskContext, task
from task_runner.tasks.registry import Installed
from tests.integration.task_runner.runner_harness import TASKS, recorded, start
from tests.support.engines import free_port, kafka_broker, kafka_settings
from tests.support.waiting import eventually

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@task("check.logging", step=1, title="Logging", scope="tenant")
async def logs(context: TaskContext) -> Result:
    """Return the fields of the log lines of a task."""
    return Result.ok("BOUND", payload=structlog.contextvars.get_contextvars())


class Client:
    """A client of the topics: it publishes commands and confirmations, and consumes the events of runs."""

    def __init__(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        self._producer = producer
        self._consumer = consumer
        self._sequences: dict[tuple[int, str], Iterator[int]] = {}
        self.consumed: list[Received] = []

    async def publish(self, message: Message) -> None:
        """Publish a message as the owner of its topic."""
        numbers = self._sequences.setdefault((message.tenant_id, message.topic.name), itertools.count(1))
        headers = encode_headers(
            message_id="m",
            source=message.topic.source,
            event_type=message.event_type(),
            time=datetime.now(UTC),
            subject=message.subject,
            tenant_id=message.tenant_id,
            sequence=next(numbers),
            traceparent=TRACE,
        )
        value = msgspec.json.encode(message)
        key = str(message.tenant_id).encode()
        await self._producer.send_and_wait(message.topic.name, value, key=key, headers=headers)

    async def receive(self, kind: type[Message]) -> Received:
        """The first message of this kind; waits until it is published."""

        async def look() -> bool:
            batches = await self._consumer.getmany(timeout_ms=50)
            self.consumed += [
                decode(record.topic, record.key, record.value, record.headers)
                for batch in batches.values()
                for record in batch
            ]
            return any(isinstance(message.message, kind) for message in self.consumed)

        await eventually(look, seconds=30)
        return next(message for message in self.consumed if isinstance(message.message, kind))


@pytest.fixture
def settings(runner_url: str) -> Iterator[TaskRunnerSettings]:
    with kafka_broker() as bootstrap:
        yield TaskRunnerSettings(
            database=DatabaseSettings(url=runner_url),
            kafka=kafka_settings(bootstrap),
            http=HttpSettings(port=free_port()),
            log=LogSettings(),
            worker=WorkerSettings(drain_seconds=0.0),
            outside=OutsideSettings(),
        )


@pytest.fixture
async def client(settings: TaskRunnerSettings) -> AsyncIterator[Client]:
    await ensure_topics(settings.kafka, ALL_TOPICS)
    producer = make_producer(settings.kafka)
    consumer = AIOKafkaConsumer(
        OPERATION_RUNS.name, TASK_TYPES.name, **settings.kafka.client_options(), auto_offset_reset="earliest"
    )
    await producer.start()
    await consumer.start()
    yield Client(producer, consumer)
    await producer.stop()
    await consumer.stop()


@pytest.fixture
async def runner(settings: TaskRunnerSettings, client: Client) -> AsyncIterator[TaskRunner]:
    runner = build(settings, tasks={**TASKS, logs.name: logs})
    await runner.start()
    yield runner
    await runner.stop()


async def test_a_command_from_kafka_becomes_a_result_on_kafka(runner: TaskRunner, client: Client) -> None:
    await client.publish(start(1))
    ended = await client.receive(RunFinished)
    assert isinstance(ended.message, RunFinished)
    assert (ended.message.run_id, ended.message.reason_code) == (1, "QUICK_OK")
    assert ended.sequence in (1, 2), "after RunStarted, if the machine was slow"
    assert ended.traceparent == TRACE
    assert isinstance((await client.receive(TaskTypesAnnounced)).message, TaskTypesAnnounced)


async def test_a_confirmation_from_kafka_ends_the_repetition(runner: TaskRunner, client: Client) -> None:
    await client.publish(start(1))
    await client.receive(RunFinished)
    await client.publish(recorded(1))

    async def unconfirmed() -> int:
        async with runner.database.transaction() as connection:
            result = await connection.exec_driver_sql("SELECT count(*) FROM executions WHERE confirm_at IS NOT NULL")
            return int(result.scalar_one())

    await eventually(unconfirmed, equals=0)


async def test_the_log_lines_of_a_task_name_run_tenant_trace(runner: TaskRunner, client: Client) -> None:
    await client.publish(start(1, "check.logging"))
    ended = (await client.receive(RunFinished)).message
    assert isinstance(ended, RunFinished)
    assert {name: ended.payload[name] for name in ("run_id", "tenant_id", "trace_id")} == {
        "run_id": 1,
        "tenant_id": 4,
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    }


@asynccontextmanager
async def served(runner: TaskRunner, settings: TaskRunnerSettings) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve the application until the end of the block; yield a client once it is ready."""
    server = uvicorn.Server(
        uvicorn.Config(runner.http, port=settings.http.port, lifespan="on", log_config=None)  # type: ignore[arg-type]
    )
    serving = asyncio.create_task(server.serve())
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{settings.http.port}") as http:

        async def ready() -> int:
            try:
                return (await http.get("/health/ready")).status_code
            except httpx2.TransportError:
                return 0

        await eventually(ready, equals=200)
        yield http
    server.should_exit = True
    await asyncio.wait_for(serving, 30)


async def test_the_health_pages_answer_and_serving_starts_and_stops_everything(
    settings: TaskRunnerSettings, client: Client
) -> None:
    runner = build(settings, tasks=TASKS)
    async with served(runner, settings) as http:
        report = (await http.get("/health/ready")).json()
        assert {check["name"] for check in report["checks"]} == {"database", "relay", "consumer", "worker", "tasks"}
        assert (await http.get("/health/live")).status_code == 200
        await client.publish(start(1))
        await client.receive(RunFinished)
    assert not any(loop.alive for loop in runner.worker.loops)


BROKEN = UnusableTasks(distribution="acme", problem="acme cannot be loaded")


async def test_a_wrong_task_package_is_named_and_leaves_the_runner_ready(
    settings: TaskRunnerSettings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("task_runner.app.installed", lambda: Installed(TASKS, (BROKEN,)))
    async with served(build(settings), settings) as http:
        report = (await http.get("/health/ready")).json()
        (tasks,) = [check for check in report["checks"] if check["name"] == "tasks"]
        assert (tasks["status"], tasks["data"]) == (
            "UP",
            {"installed": len(TASKS), "problems": ["acme cannot be loaded"]},
        )
        announced = await client.receive(TaskTypesAnnounced)
        assert getattr(announced.message, "unusable", None) == (BROKEN,)
        await client.publish(start(1))
        await client.receive(RunFinished)


def test_without_any_usable_task_the_runner_does_not_start(
    settings: TaskRunnerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("task_runner.app.installed", lambda: Installed({}, (BROKEN,)))
    with pytest.raises(DeclarationError, match="acme"):
        build(settings)


async def test_a_worker_loop_that_ended_turns_readiness_off(runner: TaskRunner) -> None:
    assert runner.worker.stalled_loops() == []
    await runner.worker.pool.loop.stop()
    assert runner.worker.stalled_loops() == ["claim"]
