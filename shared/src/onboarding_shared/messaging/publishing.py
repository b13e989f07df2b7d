"""Publishes outbox rows: the rows of a partition go to Kafka as batches that are built here, in their order.

The producer's ``send`` builds the same batches, but has a future and about twenty function calls for each record.
"""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from onboarding_shared.contracts.cloudevents import encode_headers
from onboarding_shared.contracts.run_keys import mac_of
from onboarding_shared.messaging.outbox_rows import OutboxRow
from onboarding_shared.messaging.spans import sending

_Place = tuple[str, int]
"""A topic and one of its partitions."""


async def publish(producer: AIOKafkaProducer, rows: Sequence[OutboxRow], source: str) -> None:
    """Publish the rows and wait until Kafka has all of them; ``source`` is the CloudEvents attribute.

    Rows of a tenant arrive in the order given. After an exception any of them may have been published.
    """
    with sending(rows) as traceparents:
        places: dict[_Place, list[tuple[OutboxRow, str | None]]] = {}
        counts = {topic: len(await producer.partitions_for(topic)) for topic in {row.topic for row in rows}}
        for row, traceparent in zip(rows, traceparents, strict=True):
            place = row.topic, _hash_of(row.tenant_id) % counts[row.topic]
            places.setdefault(place, []).append((row, traceparent))
        sent: list[asyncio.Future[object]] = []
        for (topic, partition), of_place in places.items():
            sent += await _send(producer, topic, partition, of_place, source)
        await asyncio.gather(*sent)


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, rows: Sequence[tuple[OutboxRow, str | None]], source: str
) -> list[asyncio.Future[object]]:
    """Send the rows of a partition in as few batches as their size allows."""
    sent: list[asyncio.Future[object]] = []
    batch = producer.create_batch()
    for row, traceparent in rows:
        headers = encode_headers(
            message_id=str(row.message_id),
            source=source,
            event_type=row.event_type,
            time=row.created_at,
            subject=row.subject,
            tenant_id=row.tenant_id,
            sequence=row.sequence,
            traceparent=traceparent,
            mac=None if row.mac_key is None else mac_of(row.mac_key, row.topic, row.sequence, row.data),
        )
        key = b"%d" % row.tenant_id
        if batch.append(timestamp=None, key=key, value=row.data, headers=headers) is None:
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(timestamp=None, key=key, value=row.data, headers=headers)
    batch.close()
    sent.append(await producer.send_batch(batch, topic, partition=partition))
    return sent


@lru_cache(maxsize=4096)
def _hash_of(tenant_id: int) -> int:
    """The hash of a tenant's key by which Kafka's clients choose the partition: a positive number."""
    return murmur2(b"%d" % tenant_id) & 0x7FFF_FFFF
