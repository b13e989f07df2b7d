"""Outbox rows become batches of a partition, in their order."""

import asyncio
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from onboarding_shared.contracts.run_keys import mac_of
from onboarding_shared.messaging.outbox_rows import OutboxRow
from onboarding_shared.messaging.publishing import publish
from tests.support.function_calls import CountedCalls

TOPIC = "onboarding.sessions.v1"
PARTITIONS = set(range(12))
BATCH_BYTES = 10_000


class Broker:
    """Takes the place of the producer, and keeps what it is told to send: topic, partition and records."""

    def __init__(self, refused: int | None = None) -> None:
        """The batch with the number ``refused`` fails."""
        self.batches: list[tuple[str, int, list[Any]]] = []
        self._refused = refused

    async def partitions_for(self, _topic: str) -> set[int]:
        return PARTITIONS

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(BATCH_BYTES, 0)

    async def send_batch(self, batch: BatchBuilder, topic: str, *, partition: int) -> asyncio.Future[None]:
        self.batches.append((topic, partition, list(DefaultRecordBatch(bytes(batch._build())))))
        sent = asyncio.get_running_loop().create_future()
        if len(self.batches) - 1 == self._refused:
            sent.set_exception(KafkaTimeoutError())
        else:
            sent.set_result(None)
        return sent


def row(tenant_id: int, sequence: int, *, topic: str = TOPIC, size: int = 20, mac_key: str | None = None) -> OutboxRow:
    return OutboxRow(
        id=sequence,
        topic=topic,
        tenant_id=tenant_id,
        sequence=sequence,
        message_id=uuid.UUID(int=sequence),
        event_type="org.onboarding.SessionStarted.v1",
        subject="sessions/1",
        traceparent=None,
        data=b"x" * size,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        mac_key=mac_key,
    )


async def published(rows: list[OutboxRow], broker: Broker | None = None) -> list[tuple[str, int, list[Any]]]:
    broker = broker or Broker()
    await publish(broker, rows, "/onboarding/session-api")  # type: ignore[arg-type]
    return broker.batches


def sequences(records: list[Any]) -> list[int]:
    return [int(dict(record.headers)["ce_sequence"]) for record in records]


@pytest.mark.parametrize("tenant_id", [0, 1, 42, 123_456_789, 2**63 - 1])
async def test_a_tenant_has_the_partition_that_kafka_clients_choose(tenant_id: int) -> None:
    ((_, partition, (record,)),) = await published([row(tenant_id, 1)])

    assert record.key == str(tenant_id).encode()
    assert partition == DefaultPartitioner()(record.key, sorted(PARTITIONS), sorted(PARTITIONS))


async def test_rows_that_fill_a_batch_go_on_in_the_next_in_order() -> None:
    batches = await published([row(4, number, size=2_500) for number in range(1, 8)])

    assert [sequences(records) for _, _, records in batches] == [[1, 2, 3], [4, 5, 6], [7]]
    assert len({partition for _, partition, _ in batches}) == 1


async def test_a_row_larger_than_a_batch_is_sent_alone() -> None:
    batches = await published([row(4, 1), row(4, 2, size=BATCH_BYTES + 1), row(4, 3)])

    assert [sequences(records) for _, _, records in batches] == [[1], [2], [3]]


async def test_rows_of_each_topic_and_partition_share_a_batch() -> None:
    rows = [row(4, 1), row(5, 1), row(4, 1, topic="other"), row(4, 2), row(5, 2)]

    batches = await published(rows)

    assert sorted((topic, sequences(records)) for topic, _, records in batches) == [
        ("onboarding.sessions.v1", [1, 2]),
        ("onboarding.sessions.v1", [1, 2]),
        ("other", [1]),
    ]


async def test_a_row_with_a_key_has_its_mac() -> None:
    ((_, _, (record,)),) = await published([row(4, 7, mac_key="k" * 64)])

    assert dict(record.headers)["ce_mac"] == mac_of("k" * 64, TOPIC, 7, record.value).encode()


async def test_a_batch_that_kafka_refuses_fails_the_publication() -> None:
    with pytest.raises(KafkaTimeoutError):
        await published([row(tenant_id, 1) for tenant_id in range(20)], Broker(refused=1))


async def test_a_row_takes_few_calls() -> None:
    rows = [row(4, number) for number in range(1, 31)]
    broker = Broker()

    with CountedCalls() as calls:
        await publish(broker, rows, "/onboarding/session-api")  # type: ignore[arg-type]

    assert calls.total <= 5 * 30 + 75
