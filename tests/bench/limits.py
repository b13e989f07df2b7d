"""The maximum rates of the parts alone on this machine, for comparison with the rates of the system."""

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from onboarding_devstack.engines import postgres
from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging.kafka import ensure_topics, make_producer
from onboarding_shared.process.message_settings import KafkaSettings
from tests.bench.http_load import closed_loop, post
from tests.support.system import System

RECORDS = 20_000
RECORD_BYTES = 500


def commits_per_second(system: System, clients: int, seconds: int = 5) -> float:
    """One-row commits of ``pgbench`` on the system's own server, from as many clients as the load has."""
    url = postgres.superuser_url(system.place.postgres, system.place.ports["postgres"])
    table = "bench_commits"
    psql = [postgres.binary("psql"), "--quiet", url, "-c"]
    subprocess.run([*psql, f"CREATE TABLE {table} (tenant_id bigint, data text)"], check=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "commit.sql")
            script.write_text(f"INSERT INTO {table} VALUES (1, repeat('x', 200));\n")
            options = ["--no-vacuum", f"--client={clients}", f"--time={seconds}", "--protocol=prepared"]
            command = [postgres.binary("pgbench"), *options, f"--file={script}", url]
            printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    finally:
        subprocess.run([*psql, f"DROP TABLE {table}"], check=True)
    rate = re.search(r"tps = ([\d.]+) \(without", printed)
    assert rate is not None, printed
    return float(rate[1])


async def requests_per_second(clients: int, count: int = 10_000) -> float:
    """Requests to a Litestar service that does nothing, sent as the load is sent."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.noop_app", stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(await server.stdout.readline())}"
        await closed_loop([url], [post("/tenants/1/runs")] * 500, clients=clients, expect=201)
        return count / await closed_loop([url], [post("/tenants/1/runs")] * count, clients=clients, expect=201)
    finally:
        server.kill()
        await server.wait()


async def records_per_second(system: System) -> float:
    """Records through the system's broker, one producer and one consumer of aiokafka in one process."""
    kafka = KafkaSettings(
        bootstrap_servers=system.journal["kafka"], enable_idempotence=False, replication_factor=1, topic_partitions=1
    )
    topic = Topic("bench.records.v1", "bench")
    await ensure_topics(kafka, [topic])
    producer = make_producer(kafka)
    consumer = AIOKafkaConsumer(**kafka.client_options(), auto_offset_reset="earliest", fetch_max_wait_ms=20)
    await producer.start()
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic.name, 0)])
        began = time.perf_counter()
        await asyncio.gather(_send(producer, topic.name), _receive(consumer))
        return RECORDS / (time.perf_counter() - began)
    finally:
        await consumer.stop()
        await producer.stop()


async def _send(producer: AIOKafkaProducer, topic: str) -> None:
    value = b"x" * RECORD_BYTES
    for _ in range(RECORDS // 1000):
        await asyncio.gather(*[await producer.send(topic, value, key=b"42") for _ in range(1000)])


async def _receive(consumer: AIOKafkaConsumer) -> None:
    count = 0
    while count < RECORDS:
        count += sum(map(len, (await consumer.getmany(timeout_ms=100)).values()))
