"""A reader of the topics that shares no code with the product: librdkafka, as another platform service might use."""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

READ_TIMEOUT = 30.0


@dataclass(frozen=True)
class Event:
    """A record as it lies in Kafka; the headers' values are bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes
    value: bytes
    headers: dict[str, bytes]

    @property
    def type(self) -> str:
        return self.headers["ce_type"].decode()

    @property
    def tenant(self) -> int:
        return int(self.key)

    @property
    def sequence(self) -> int:
        return int(self.headers["ce_sequence"])


def read_everything(bootstrap_servers: str, topics: Iterable[str]) -> list[Event]:
    """All records of the topics from the beginning to the present end, in each partition's order."""
    reader = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"outside-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        ends = _ends(reader, topics)
        reader.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in ends])
        return _read_to(reader, ends)
    finally:
        reader.close()


def _ends(reader: Consumer, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """The offset after the last record of each partition that has any."""
    known = reader.list_topics(timeout=READ_TIMEOUT).topics
    places = [(topic, partition) for topic in topics for partition in known[topic].partitions]
    ends = {}
    for place in places:
        first, end = reader.get_watermark_offsets(TopicPartition(*place), timeout=READ_TIMEOUT)
        if end > first:
            ends[place] = end
    return ends


def _read_to(reader: Consumer, ends: dict[tuple[str, int], int]) -> list[Event]:
    events: list[Event] = []
    left = dict(ends)
    deadline = time.monotonic() + READ_TIMEOUT
    while left:
        assert time.monotonic() < deadline, f"not read to the end within {READ_TIMEOUT} s: {left}"
        for message in reader.consume(500, timeout=0.5):
            assert message.error() is None, message.error()
            place = (message.topic(), message.partition())
            if message.offset() + 1 >= left.get(place, 0):
                left.pop(place, None)
            events.append(_event(message))
    return events


def _event(message: Message) -> Event:
    return Event(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value(),
        headers=dict(message.headers() or []),
    )
