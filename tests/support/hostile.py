"""Record batches as no honest producer makes them, and a client that produces any bytes."""

import gzip
import random
import struct
from collections.abc import Mapping, Sequence
from typing import Any
from zlib import crc32

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.util import calc_crc32c

from onboarding_shared.process.message_settings import KafkaSettings

TRANSACTIONAL, CONTROL, GZIP, SNAPPY, LZ4, ZSTD = 0x10, 0x20, 1, 2, 3, 4

CHECKED_AT, RECORDS_AT = 21, 61
"""Places in a batch: what its checksum covers, and its records."""


def varint(number: int) -> bytes:
    """A zigzag number."""
    rest, encoded = (number << 1) ^ (number >> 63), bytearray()
    while rest > 0x7F:
        encoded.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*encoded, rest])


def record(
    value: bytes | None, *, key: bytes | None = None, headers: Sequence[tuple[bytes, bytes | None]] = (), delta: int = 0
) -> bytes:
    """One record with its length."""
    parts = [b"\x00", varint(0), varint(delta), _nullable(key), _nullable(value), varint(len(headers))]
    for name, content in headers:
        parts += [varint(len(name)), name, _nullable(content)]
    body = b"".join(parts)
    return varint(len(body)) + body


def batch(
    records: Sequence[bytes], *, attributes: int = 0, count: int | None = None, base: int = 0, **odd: int
) -> bytes:
    """A batch of the present format with a right checksum; ``odd``: ``last``, ``magic``, ``crc``, ``producer``."""
    body = b"".join(records)
    if attributes & 7 == GZIP:
        body = gzip.compress(body)
    number = len(records) if count is None else count
    checked = (
        struct.pack(">hiqqqhii", attributes, odd.get("last", number - 1), 0, 0, odd.get("producer", -1), -1, -1, number)
        + body
    )
    crc = odd.get("crc", calc_crc32c(checked))
    rest = struct.pack(">ibI", 0, odd.get("magic", 2), crc) + checked
    return struct.pack(">qi", base, len(rest)) + rest


def old_message(value: bytes, *, magic: int = 1, attributes: int = 0, base: int = 0) -> bytes:
    """A message of the format before Kafka 0.11."""
    time = struct.pack(">q", 0) if magic else b""
    checked = bytes([magic, attributes]) + time + struct.pack(">ii", -1, len(value)) + value
    return struct.pack(">qiI", base, len(checked) + 4, crc32(checked)) + checked


def as_batch(arguments: Mapping[str, Any], *more_headers: tuple[bytes, bytes | None], **options: int) -> bytes:
    """The arguments of a producer's ``send`` as a batch."""
    headers = [(name.encode(), content) for name, content in arguments["headers"]]
    return batch([record(arguments["value"], key=arguments["key"], headers=[*headers, *more_headers])], **options)


def mutated(original: bytes, chance: random.Random, *, start: int = CHECKED_AT) -> bytes:
    """The batch with some bytes after ``start`` changed, cut out or added, and mostly a right checksum."""
    body = bytearray(original[CHECKED_AT:])
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(start - CHECKED_AT, len(body))
        match chance.randrange(3):
            case 0:
                body[place] = chance.randrange(256)
            case 1:
                del body[place : place + chance.randint(1, 8)]
            case _:
                body[place:place] = bytes(chance.randrange(256) for _ in range(chance.randint(1, 8)))
    crc = calc_crc32c(bytes(body)) if chance.random() < 0.8 else chance.randrange(2**32)
    rest = original[12:17] + struct.pack(">I", crc) + bytes(body)
    return original[:8] + struct.pack(">i", len(rest)) + rest


async def produce(kafka: KafkaSettings, topic: str, partition: int, batches: Sequence[bytes]) -> list[int]:
    """Produce each batch with its own request; returns the broker's error codes, -1 if it closed the connection."""
    client = AIOKafkaClient(**kafka.client_options())
    await client.bootstrap()
    codes = []
    try:
        await client._wait_on_metadata(topic)
        for content in batches:
            leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
            try:
                response = await client.send(leader, ProduceRequest(None, 1, 5_000, [(topic, [(partition, content)])]))
            except Exception:
                codes.append(-1)
            else:
                codes.append(response.topics[0][1][0][1])
    finally:
        await client.close()
    return codes


def _nullable(content: bytes | None) -> bytes:
    return varint(-1) if content is None else varint(len(content)) + content
