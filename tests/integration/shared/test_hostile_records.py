"""Records that aiokafka cannot read harm only themselves: their neighbours in the partition are served at once."""

import os
import random
import time
from collections.abc import Sequence

import psutil
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from sqlalchemy import text

from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging.dead_letters import KEPT_BYTES
from tests.support import engines, hostile
from tests.support.loopback import Loopback, record
from tests.support.waiting import eventually

MUTATIONS = int(os.environ.get("ONBOARDING_TEST_HOSTILE_RECORDS", "2000"))
LEAST_TAKEN = 20 if engines.chosen().name == "kafka" else 4
"""The broker takes one of so many. Apache Kafka reads records itself and refuses nine of ten."""
BOMB_BYTES = 25_000_000 if engines.chosen().name == "kafka" else 250_000_000
"""Apache Kafka unpacks what is produced, within the memory of these tests."""
SERVED_SECONDS = 5.0
MEMORY_BYTES = 256 * 1024 * 1024
PARTITION = 0
"""All records of these tests go there, whatever their key, so they are neighbours."""

GOOD = record(4, 2)
KINDS = {
    "header name": (hostile.as_batch(GOOD, (b"\xff\xfe", b"x")), None),
    "many headers": (hostile.batch([hostile.record(b"x", headers=[(b"a", b"")] * 100_000)]), "NOT_A_CLOUDEVENT"),
    "gzip bomb": (hostile.batch([hostile.record(bytes(BOMB_BYTES))], attributes=hostile.GZIP), "BATCH_TOO_LARGE"),
    "snappy": (hostile.as_batch(GOOD, attributes=hostile.SNAPPY), "COMPRESSION_UNSUPPORTED"),
    "checksum": (hostile.as_batch(GOOD, crc=1), "CHECKSUM_WRONG"),
    "unknown format": (hostile.as_batch(GOOD, magic=7), "BATCH_INVALID"),
    "too few records": (hostile.as_batch(GOOD, count=3), "RECORD_INVALID"),
    "header count": (hostile.batch([hostile.record(b"x")[:-1] + hostile.varint(-3)]), "RECORD_INVALID"),
    "control": (hostile.as_batch(GOOD, attributes=hostile.CONTROL), None),
    "large": (hostile.batch([hostile.record(bytes(900_000))]), "NOT_A_CLOUDEVENT"),
    "format 0": (hostile.old_message(b"x", magic=0), "BATCH_INVALID"),
    "format 1": (hostile.old_message(b"x", magic=1), "BATCH_INVALID"),
}


async def connected(loopback: Loopback) -> None:
    """Start the consumer and have it apply a first message, so that no start counts in the times."""
    await loopback.consumer.start()
    await eventually(lambda: loopback.relay.connected)
    await hostile.produce(loopback.kafka, SESSIONS.name, PARTITION, [hostile.as_batch(record(9, 1))])
    await eventually(lambda: (9, 1) in loopback.applied)


async def produce(loopback: Loopback, batches: Sequence[bytes]) -> list[int]:
    return await hostile.produce(loopback.kafka, SESSIONS.name, PARTITION, batches)


async def test_a_neighbour_of_each_hostile_record_is_served_at_once(loopback: Loopback) -> None:
    await connected(loopback)
    before = psutil.Process().memory_info().rss
    expected: list[str] = []
    for sequence, (content, reason) in enumerate(KINDS.values(), start=1):
        codes = await produce(loopback, [content, hostile.as_batch(record(5, sequence))])
        await eventually(lambda applied=(5, sequence): applied in loopback.applied, seconds=SERVED_SECONDS)
        if reason is not None and codes[0] == 0:
            expected.append(reason)
        await eventually(loopback.dead_letters, equals=list(expected))
    assert len(expected) > 5
    assert psutil.Process().memory_info().rss - before < MEMORY_BYTES
    assert await longest_letter(loopback) <= KEPT_BYTES


async def test_after_a_restart_a_hostile_record_is_not_read_again(loopback: Loopback) -> None:
    content, reason = KINDS["snappy"]
    await connected(loopback)
    await produce(loopback, [content])
    await eventually(loopback.dead_letters, equals=[reason])
    await loopback.consumer.stop()
    restarted = Loopback(loopback.database, loopback.kafka, "test")
    await restarted.consumer.start()
    await produce(loopback, [hostile.as_batch(record(5, 1))])
    await eventually(lambda: restarted.applied == [(5, 1)])
    await restarted.consumer.stop()
    assert await loopback.dead_letters() == [reason]


async def test_content_that_cannot_be_stored_leaves_a_letter_without_it(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = loopback.consumer._inbox._dead_letters.keep

    async def refuse_content(tx, letters) -> None:
        if any(letter.record.value for letter in letters):
            raise ValueError("planted")
        await whole(tx, letters)

    monkeypatch.setattr(loopback.consumer._inbox._dead_letters, "keep", refuse_content)
    await connected(loopback)
    await produce(loopback, [KINDS["large"][0], hostile.as_batch(record(5, 1))])
    await eventually(lambda: (5, 1) in loopback.applied, seconds=SERVED_SECONDS)
    await eventually(loopback.dead_letters, equals=["APPLY_FAILED"])


async def test_random_records_keep_no_neighbour_waiting(loopback: Loopback) -> None:
    """Between hostile records there are neighbours, each of which is timed, and memory stays bounded.

    Only records are changed, not what is before them: the embedded broker does not check that, and fails by itself.
    """
    chance = random.Random(20261127)
    await connected(loopback)
    before, slowest = psutil.Process().memory_info().rss, 0.0
    for sequence in range(1, MUTATIONS // 100 + 1):
        originals = [chance.choice((hostile.as_batch(GOOD), KINDS["header name"][0])) for _ in range(100)]
        await produce(loopback, [hostile.mutated(original, chance, start=hostile.RECORDS_AT) for original in originals])
        began = time.monotonic()
        await produce(loopback, [hostile.as_batch(record(5, sequence))])
        await eventually(lambda applied=(5, sequence): applied in loopback.applied, seconds=SERVED_SECONDS)
        slowest = max(slowest, time.monotonic() - began)
    grown = psutil.Process().memory_info().rss - before
    print(f"{MUTATIONS} records; slowest neighbour {slowest:.2f} s; memory +{grown / 2**20:.0f} MiB")  # shown with -s
    assert slowest < SERVED_SECONDS
    assert grown < MEMORY_BYTES
    taken = await end_offset(loopback) - 1 - MUTATIONS // 100
    assert taken > MUTATIONS / LEAST_TAKEN  # enough to mean anything


@pytest.mark.skipif(engines.chosen().name != "kafka", reason="the embedded broker has no transactions: make test-kafka")
async def test_markers_of_transactions_keep_no_neighbour_waiting(loopback: Loopback) -> None:
    """A control record after each transaction has no message in it: it is passed, and makes no dead letter."""
    await connected(loopback)
    producer = AIOKafkaProducer(**loopback.kafka.client_options(), transactional_id="hostile")
    await producer.start()
    try:
        for end in (producer.abort_transaction, producer.commit_transaction) * 10:
            await producer.begin_transaction()
            await producer.send_and_wait(SESSIONS.name, b"x", partition=PARTITION)
            await end()
    finally:
        await producer.stop()
    await produce(loopback, [hostile.as_batch(record(5, 1))])
    await eventually(lambda: (5, 1) in loopback.applied, seconds=SERVED_SECONDS)
    assert set(await loopback.dead_letters()) == {"NOT_A_CLOUDEVENT"}


@pytest.mark.skipif(engines.chosen().name != "kafka", reason="the embedded broker has no transactions: make test-kafka")
async def test_records_of_an_aborted_transaction_are_never_applied(loopback: Loopback) -> None:
    await connected(loopback)
    producer = AIOKafkaProducer(**loopback.kafka.client_options(), transactional_id="foreign")
    await producer.start()
    try:
        for sequence, end in ((1, producer.commit_transaction), (2, producer.abort_transaction)):
            await producer.begin_transaction()
            await producer.send_and_wait(**record(6, sequence), partition=PARTITION)
            await end()
    finally:
        await producer.stop()
    await produce(loopback, [hostile.as_batch(record(6, 3))])
    await eventually(lambda: (6, 3) in loopback.applied, seconds=SERVED_SECONDS)
    assert loopback.applied == [(9, 1), (6, 1), (6, 3)]
    assert await loopback.dead_letters() == []


async def longest_letter(loopback: Loopback) -> int:
    async with loopback.database.transaction() as connection:
        size = "octet_length(value) + coalesce(octet_length(key), 0) + octet_length(CAST(headers AS text))"
        rows = await connection.execute(text(f"SELECT coalesce(max({size}), 0) FROM dead_letters"))
        return rows.scalar_one()


async def end_offset(loopback: Loopback) -> int:
    client = loopback.consumer._client
    assert client is not None
    place = TopicPartition(SESSIONS.name, PARTITION)
    return (await client.end_offsets([place]))[place]
