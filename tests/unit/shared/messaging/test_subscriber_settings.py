"""The settings, commits and rewinds of the consumer's client; wrong ones lose records."""

from collections.abc import Iterable
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition
from faststream import AckPolicy

from onboarding_shared.contracts.topics import ALL_TOPICS, SESSIONS, TASK_COMMANDS
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.message_settings import KafkaSettings


async def apply_nothing(*_: object) -> None:
    """An apply for topics that nothing comes from."""


@pytest.fixture
def consumer() -> Consumer:
    """A consumer of every topic. Nothing is connected: neither engine is there."""
    database = Database("postgresql://nobody@127.0.0.1:9/nothing", application_name="test")
    return Consumer(
        KafkaSettings(bootstrap_servers="127.0.0.1:9"),
        database,
        Outbox(),
        group="test-group",
        applies=dict.fromkeys(ALL_TOPICS, apply_nothing),
    )


def test_offsets_are_committed_by_hand_alone(consumer: Consumer) -> None:
    broker, subscriber = consumer._build()
    assert [subscriber.ack_policy for subscriber in broker.subscribers] == [AckPolicy.MANUAL]
    assert subscriber._connection_args["enable_auto_commit"] is False


def test_a_new_group_reads_what_waits_from_the_beginning(consumer: Consumer) -> None:
    _, subscriber = consumer._build()
    assert subscriber._connection_args["auto_offset_reset"] == "earliest"


def test_one_batch_subscriber_reads_every_topic_of_the_group(consumer: Consumer) -> None:
    broker, subscriber = consumer._build()
    assert [type(subscriber).__name__ for subscriber in broker.subscribers] == ["BatchSubscriber"]
    assert sorted(subscriber.topic_names) == sorted(topic.name for topic in ALL_TOPICS)
    assert subscriber.group_id == "test-group"
    assert subscriber.max_records == 1000


def test_polls_are_short_and_the_group_notices_the_dead(consumer: Consumer) -> None:
    _, subscriber = consumer._build()
    arguments = subscriber._connection_args
    assert arguments["fetch_max_wait_ms"] == 500
    assert subscriber.batch_timeout_ms <= 20
    assert arguments["heartbeat_interval_ms"] * 3 <= arguments["session_timeout_ms"] <= 10_000
    assert arguments["max_poll_interval_ms"] == 300_000


def test_each_rebuild_has_its_own_broker_and_subscriber(consumer: Consumer) -> None:
    first, second = consumer._build(), consumer._build()
    assert first[0] is not second[0]
    assert first[1] is not second[1]
    assert len(list(second[0].subscribers)) == 1


@pytest.mark.parametrize("header", [("ce_id", None), ("ce_id", b"\xff"), ("any", b"\x00")])
async def test_the_parser_hands_over_whatever_the_headers_are(consumer: Consumer, header: tuple[str, Any]) -> None:
    _, subscriber = consumer._build()
    records = [record(SESSIONS.name, 0, 1, headers=[header])]
    (call,) = subscriber.calls
    parsed = await call.item_parser(records)
    assert parsed.body is records
    assert await call.item_decoder(parsed) is records


class Client:
    """A double of the group member's client that records its calls."""

    def __init__(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned = frozenset(assigned)
        self.committed: dict[TopicPartition, int] = {}
        self.rewound: dict[TopicPartition, int] = {}

    def assignment(self) -> frozenset[TopicPartition]:
        return self.assigned

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.committed.update(offsets)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.rewound[partition] = offset


def record(topic: str, partition: int, offset: int, headers: Iterable[tuple[str, Any]] = ()) -> Any:
    return ConsumerRecord(topic, partition, offset, 0, 0, b"42", b"{}", None, 0, 2, tuple(headers))


BATCH = [
    record(SESSIONS.name, 0, 10),
    record(SESSIONS.name, 0, 11),
    record(SESSIONS.name, 2, 7),
    record(TASK_COMMANDS.name, 1, 3),
    record(SESSIONS.name, 2, 9),
]
ASSIGNED = [TopicPartition(SESSIONS.name, 0), TopicPartition(SESSIONS.name, 2), TopicPartition(TASK_COMMANDS.name, 1)]


async def test_a_returned_batch_is_rewound_on_all_its_partitions(consumer: Consumer) -> None:
    client = connect(consumer, ASSIGNED)
    consumer._return_to_kafka(BATCH)
    assert client.rewound == {
        TopicPartition(SESSIONS.name, 0): 10,
        TopicPartition(SESSIONS.name, 2): 7,
        TopicPartition(TASK_COMMANDS.name, 1): 3,
    }
    assert client.committed == {}


def connect(consumer: Consumer, assigned: Iterable[TopicPartition]) -> Client:
    client = Client(assigned)
    consumer._client = client  # type: ignore[assignment]
    return client


def test_only_committed_records_are_read(consumer: Consumer) -> None:
    _, subscriber = consumer._build()
    assert subscriber._connection_args["isolation_level"] == "read_committed"
