"""Apache Kafka on a Java of this machine, by itself. It runs where the tests run on it: `make test-kafka`."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from onboarding_devstack.engines.broker import bootstrap_servers, wait_until_ready
from onboarding_devstack.engines.kafka_jvm import ApacheKafka
from tests.support import engines
from tests.support.engines import free_port

pytestmark = pytest.mark.skipif(engines.chosen().name != "kafka", reason="needs Java and the jars: make test-kafka")


@contextmanager
def running(folder: Path, stop: signal.Signals) -> Iterator[str]:
    """The broker on a folder, on new ports; yields its address and waits for its end, which `stop` brings about."""
    ports = {"broker": free_port(), "controller": free_port()}
    kafka = ApacheKafka()
    kafka.prepare(folder, ports)
    with subprocess.Popen(kafka.command(folder, ports), env=kafka.environment(), stdout=subprocess.DEVNULL) as process:
        wait_until_ready(bootstrap_servers(ports), 60)
        yield bootstrap_servers(ports)
        process.send_signal(stop)
        assert process.wait(30) == {signal.SIGTERM: 143, signal.SIGKILL: -9}[stop]


async def write(address: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
    await admin.close()
    producer = AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True)
    await producer.start()
    for value in (b"one", b"two", b"three"):
        await producer.send_and_wait("kept", value)
    await producer.stop()


async def read(address: str, number: int) -> list[bytes | None]:
    """The next records for the group, committed as read."""
    options = {"group_id": "readers", "auto_offset_reset": "earliest", "enable_auto_commit": False}
    consumer = AIOKafkaConsumer("kept", bootstrap_servers=address, **options)
    await consumer.start()
    try:
        values = [(await anext(consumer)).value for _ in range(number)]
        await consumer.commit()
        return values
    finally:
        await consumer.stop()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGKILL], ids=["stop", "kill"])
async def test_topics_messages_and_offsets_survive_a_stop_and_a_kill(tmp_path: Path, stop: signal.Signals) -> None:
    with running(tmp_path, stop) as address:
        await write(address)
        assert await read(address, 2) == [b"one", b"two"]
    with running(tmp_path, stop) as address:
        assert await read(address, 1) == [b"three"]
