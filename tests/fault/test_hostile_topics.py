"""Hostile records on every topic that a service reads: neighbours are served at once, and its memory stays bounded."""

import json
import os
import random
import time
from collections.abc import Iterator

import psutil
import pytest

import evidence_store.consumers
import session_api.consumers
import task_runner.consumers
from onboarding_shared.contracts.run_keys import Purpose, RunKeys, mac_of
from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_COMMANDS, Topic
from onboarding_shared.process.message_settings import KafkaSettings
from tests.support import engines, hostile
from tests.support.system import System, running_system
from tests.support.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(3600)]

MUTATIONS = int(os.environ.get("ONBOARDING_TEST_HOSTILE_RECORDS", "300"))
"""Records for each topic; `make test-hostile` sends more."""
BURST = 100
SERVED_SECONDS = 5.0
MEMORY_BYTES = 256 * 1024 * 1024
PARTITION = 0
TENANT = 4
RUN = 9

READS = {
    "session-api": session_api.consumers.TOPICS,
    "task-runner": task_runner.consumers.TOPICS,
    "evidence-store": evidence_store.consumers.TOPICS,
}
TOPICS = sorted({topic for topics in READS.values() for topic in topics}, key=lambda topic: topic.name)
MARK = "SELECT coalesce(max(last_sequence), 0) FROM inbox_sequences WHERE tenant_id = $1 AND topic = $2"


class Publisher:
    """Writes to one topic what its publisher would: messages that every reader passes over, and hostile ones."""

    def __init__(self, system: System, topic: Topic) -> None:
        self.kafka: KafkaSettings = engines.kafka_settings(system.journal["kafka"])
        self.topic = topic
        self._secrets = system.place.secrets
        self._chance = random.Random(f"{topic.name} 20261128")
        self._sequence = 0

    def neighbour(self) -> bytes:
        """The next message, whose number shows in each reader's database that it was passed."""
        self._sequence += 1
        value = json.dumps({"type": "AddedLater", "tenant_id": TENANT, "run_id": RUN}).encode()
        headers = {
            b"ce_specversion": b"1.0",
            b"ce_id": b"m",
            b"ce_source": self.topic.source.encode(),
            b"ce_type": b"org.onboarding.AddedLater.v1",
            b"ce_sequence": str(self._sequence).encode(),
            b"ce_mac": self._mac(value).encode(),
        }
        return hostile.batch([hostile.record(value, key=str(TENANT).encode(), headers=list(headers.items()))])

    def _mac(self, value: bytes) -> str:
        keys = {
            OPERATION_RUNS: RunKeys([self._secrets["run_secret"]]),
            TASK_COMMANDS: RunKeys([self._secrets["command_secret"]], purpose=Purpose.COMMANDS),
        }.get(self.topic)
        key = keys.key_of(TENANT, RUN) if keys else None
        return mac_of(key, self.topic.name, self._sequence, value) if key else ""

    async def burst(self, count: int) -> int:
        """Write hostile records; returns how many of them the broker took."""
        original = self.neighbour()
        self._sequence -= 1
        mutated = [hostile.mutated(original, self._chance, start=hostile.RECORDS_AT) for _ in range(count)]
        codes = await hostile.produce(self.kafka, self.topic.name, PARTITION, mutated)
        return codes.count(0)

    async def serve_neighbour(self, system: System) -> float:
        """Write a neighbour; returns the seconds until every reader of the topic has passed it."""
        readers = [name.replace("-", "_") for name, topics in READS.items() if self.topic in topics]
        content = self.neighbour()
        began = time.monotonic()
        assert await hostile.produce(self.kafka, self.topic.name, PARTITION, [content]) == [0]

        async def passed() -> bool:
            marks = [await system.value(reader, MARK, TENANT, self.topic.name) for reader in readers]
            return min(marks) >= self._sequence

        await eventually(passed, seconds=SERVED_SECONDS)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def own_system() -> Iterator[System]:
    """A system of these tests alone, because they leave dead letters."""
    with running_system() as system:
        yield system


def memory(system: System) -> dict[str, int]:
    """The resident memory of each service's process, in bytes."""
    return {name: psutil.Process(system.pid(name)).memory_info().rss for name in READS}


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
async def test_hostile_records_on_a_topic_harm_no_reader(own_system: System, topic: Topic) -> None:
    publisher = Publisher(own_system, topic)
    pids = {name: own_system.pid(name) for name in READS}
    await publisher.serve_neighbour(own_system)
    slowest, taken, largest = 0.0, 0, memory(own_system)
    for _ in range(MUTATIONS // BURST):
        taken += await publisher.burst(BURST)
        slowest = max(slowest, await publisher.serve_neighbour(own_system))
        largest = {name: max(bytes_used, largest[name]) for name, bytes_used in memory(own_system).items()}
    shown = ", ".join(f"{name} {bytes_used / 2**20:.0f} MiB" for name, bytes_used in largest.items())
    print(f"{topic.name}: {taken} of {MUTATIONS} taken; slowest neighbour {slowest:.2f} s; {shown}")  # shown with -s
    assert taken > MUTATIONS / 20
    assert max(largest.values()) < MEMORY_BYTES
    assert {name: own_system.pid(name) for name in READS} == pids, "no service was started again"


def test_every_topic_that_a_service_reads_is_covered() -> None:
    assert [topic.name for topic in TOPICS] == [
        "onboarding.evidence.v1",
        "onboarding.operation-runs.v1",
        "onboarding.task-commands.v1",
        "onboarding.task-types.v1",
    ]
