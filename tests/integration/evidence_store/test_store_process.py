"""The service as processes with its own command line, between a real database and a real broker."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer

from onboarding_devstack.identity import ISSUER, Identity
from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.cloudevents import encode_headers
from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.topics import EVIDENCE, OPERATION_RUNS
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.kafka import ensure_topics, make_producer
from tests.integration.evidence_store.store_harness import TRACE
from tests.support.engines import client_environment, free_port, kafka_broker, kafka_settings
from tests.support.evidence_chains import NOW, result
from tests.support.waiting import eventually

COMMAND = [sys.executable, "-m", "evidence_store"]


@pytest.fixture
def broker() -> Iterator[str]:
    """A broker of this test's own: topics start empty."""
    with kafka_broker() as address:
        yield address


class World:
    """A database, a broker, and the processes of the service between them."""

    def __init__(self, url: str, broker: str, identity: Identity, folder: Path) -> None:
        self.url = url
        self.kafka = kafka_settings(broker)
        self._folder = folder
        self._sequences = itertools.count(1)
        self._processes: list[subprocess.Popen[bytes]] = []
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME")},
            "DATABASE_URL": url,
            **client_environment(broker),
            "ONBOARDING_ALLOW_ROOT": "true",
            "ONBOARDING_JWKS": str(identity.jwks),
            "ONBOARDING_JWT_ISSUER": ISSUER,
        }
        self.headers = {"authorization": f"Bearer {identity.token(7, [42, 43])}"}

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*COMMAND, *arguments], env={**self.environment, **environment}, capture_output=True, text=True, timeout=60
        )

    async def serve(self) -> tuple[subprocess.Popen[bytes], str]:
        """Start an instance and wait until it is ready; returns its process and address."""
        port = free_port()
        environment = {**self.environment, "ONBOARDING_PORT": str(port)}
        with (self._folder / f"{port}.log").open("wb") as log:
            process = subprocess.Popen([*COMMAND, "serve"], env=environment, stdout=log, stderr=log)
        self._processes.append(process)
        address = f"http://127.0.0.1:{port}"
        await eventually(lambda: _answers(f"{address}/health/ready"), seconds=30, every=0.1)
        return process, address

    def logged(self) -> list[dict[str, Any]]:
        """Every line of every instance."""
        lines = [line for path in self._folder.glob("*.log") for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines]

    async def publish(self, *results: RunFinished, sequence: int | None = None) -> None:
        """Publish results as task-runner does."""
        producer = make_producer(self.kafka)
        await producer.start()
        try:
            for ended in results:
                number = sequence or next(self._sequences)
                headers = encode_headers(
                    message_id=f"m{number}", source="/onboarding/task-runner", event_type=ended.event_type(), time=NOW,
                    subject=ended.subject, tenant_id=ended.tenant_id, sequence=number, traceparent=TRACE,
                )  # fmt: skip
                value, key = msgspec.json.encode(ended), str(ended.tenant_id).encode()
                await producer.send_and_wait(OPERATION_RUNS.name, value, key=key, headers=headers)
        finally:
            await producer.stop()

    async def published_records(self, count: int) -> list[Any]:
        """The first ``count`` records on the evidence topic."""
        consumer = AIOKafkaConsumer(EVIDENCE.name, **self.kafka.client_options(), auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(30):
                return [await anext(consumer) for _ in range(count)]
        finally:
            await consumer.stop()

    async def count(self) -> int:
        """The number of records."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval("SELECT count(*) FROM evidence")
        finally:
            await connection.close()

    def stop(self) -> None:
        """End what was started."""
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(10)


async def _answers(url: str) -> bool:
    async with httpx2.AsyncClient() as client:
        try:
            return (await client.get(url)).status_code == 200
        except httpx2.HTTPError:
            return False


@pytest.fixture
async def world(database_url: str, broker: str, identity: Identity, tmp_path: Path) -> AsyncIterator[World]:
    made = World(database_url, broker, identity, tmp_path)
    migrated = made.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    await ensure_topics(
        made.kafka, [OPERATION_RUNS]
    )  # which is the task runner's, and so its migrate command's to make
    yield made
    made.stop()


async def test_a_result_on_the_topic_becomes_published_and_served_evidence(world: World) -> None:
    process, address = await world.serve()
    await world.publish(result(1), result(2, state=RunState.CANCELLED), result(3))
    records = await world.published_records(2)
    assert [decode_data(EVIDENCE.name, record.value).run_id for record in records] == [1, 3]
    headers = dict(records[0].headers)
    assert headers["ce_type"] == b"org.onboarding.EvidenceRecorded.v1"
    assert headers["ce_source"] == b"/onboarding/evidence-store"
    assert headers["ce_traceparent"] == TRACE.encode()
    assert (records[0].key, headers["ce_sequence"]) == (b"42", b"0000000000000000001")
    async with httpx2.AsyncClient(base_url=address, headers=world.headers) as client:
        listed = (await client.get("/tenants/42/onboarding/evidence")).json()
        assert [item["operation_run_id"] for item in listed] == [3, 1]
        verified = (await client.get("/tenants/42/onboarding/evidence/verification")).json()
        assert (verified["verified"], verified["length"]) == (True, 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    (line,) = [entry for entry in world.logged() if entry["event"] == "evidence_recorded" and entry["run_id"] == 1]
    assert (line["tenant_id"], line["trace_id"], line["service"]) == (42, TRACE[3:35], "evidence-store")
    assert [entry for entry in world.logged() if entry["level"] in ("error", "critical")] == []


async def test_an_invalid_result_is_dead_lettered_and_others_are_recorded(world: World) -> None:
    await world.publish(result(1), result(2, state=RunState.RUNNING), result(1, tenant_id=43), result(4))
    await world.serve()
    await eventually(world.count, equals=3)
    connection = await asyncpg.connect(world.url)
    try:
        await eventually(lambda: connection.fetchval("SELECT count(*) FROM dead_letters"), equals=1)
        details = [row["detail"] for row in await connection.fetch("SELECT detail FROM dead_letters ORDER BY id")]
    finally:
        await connection.close()
    assert ["has state running" in detail for detail in details] == [True]


async def test_two_instances_and_a_kill_leave_unbroken_chains(world: World) -> None:
    first, _ = await world.serve()
    _, address = await world.serve()
    runs = [result(number, tenant_id=42 + number % 2) for number in range(1, 201)]
    await world.publish(*runs[:100])
    first.kill()
    await world.publish(*runs[100:])
    await eventually(world.count, equals=200, seconds=60)
    async with httpx2.AsyncClient(base_url=address, headers=world.headers) as client:
        for tenant in (42, 43):
            verified = (await client.get(f"/tenants/{tenant}/onboarding/evidence/verification")).json()
            assert (verified["verified"], verified["length"]) == (True, 100)


def test_help_needs_no_settings() -> None:
    for arguments in (["--help"], ["serve", "--help"], ["migrate", "--help"]):
        shown = subprocess.run([*COMMAND, *arguments], env={}, capture_output=True, text=True, timeout=60)
        assert shown.returncode == 0
        assert "usage: evidence-store" in shown.stdout


def test_missing_settings_are_all_named() -> None:
    refused = subprocess.run([*COMMAND, "serve"], env={}, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 2
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "ONBOARDING_JWT_ISSUER"):
        assert f"{name} is not set" in refused.stderr


def test_migrate_needs_no_key_set(database_url: str, broker: str, identity: Identity, tmp_path: Path) -> None:
    world = World(database_url, broker, identity, tmp_path)
    del world.environment["ONBOARDING_JWKS"], world.environment["ONBOARDING_JWT_ISSUER"]
    assert [world.run("migrate").returncode for _ in range(2)] == [0, 0]
