"""A process that dies around the hand-over of rows, or shares the outbox, loses no message and no order."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.outbox_rows import OutboxRow, OutboxRows
from onboarding_shared.messaging.publishing import publish
from onboarding_shared.messaging.relay import Relay
from tests.support.loopback import Loopback, started
from tests.support.waiting import eventually


class Subscriber:
    """A foreign subscriber, which notes the sequences of one tenant as they come."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self.sequences: list[int] = []

    async def read(self) -> list[int]:
        for records in (await self._consumer.getmany(timeout_ms=100)).values():
            self.sequences += [int(dict(record.headers)["ce_sequence"]) for record in records]
        return self.sequences


@pytest.fixture
async def subscriber(loopback: Loopback) -> AsyncIterator[Subscriber]:
    await (await started(loopback)).stop()
    consumer = AIOKafkaConsumer(
        SESSIONS.name, bootstrap_servers=loopback.kafka.bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    yield Subscriber(consumer)
    await consumer.stop()


async def twice(subscriber: Subscriber) -> bool:
    return (await subscriber.read()).count(1) >= 2


def successor(loopback: Loopback) -> Relay:
    return Relay(loopback.database, loopback.kafka, source=SESSIONS.source, topics=[SESSIONS])


async def test_what_was_committed_before_a_death_is_published_by_another_relay(
    loopback: Loopback, subscriber: Subscriber
) -> None:
    loopback.outbox = Outbox()  # it dies between the commit and the hand-over
    await loopback.relay.stop()
    await loopback.send(1, 2)
    relay = successor(loopback)
    await relay.start()
    await eventually(subscriber.read, equals=[1, 2])
    await relay.stop()


async def test_rows_whose_publishing_fails_are_published_from_the_table(
    loopback: Loopback, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    await loopback.send(1)
    await eventually(subscriber.read, equals=[1])
    await eventually(loopback.unpublished, equals=0)  # a row that waits for its deletion would be published again
    failures: list[int] = []

    async def failing(producer: AIOKafkaProducer, rows: Sequence[OutboxRow], source: str) -> None:
        if not failures:
            failures.append(len(rows))
            raise ConnectionError("planted")
        await publish(producer, rows, source)

    monkeypatch.setattr("onboarding_shared.messaging.relay.publish", failing)
    await loopback.send(2)
    await loopback.send(3)
    await eventually(subscriber.read, equals=[1, 2, 3])
    assert failures


async def test_a_death_before_the_late_delete_only_repeats(
    loopback: Loopback, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> bool:
        raise ConnectionError("planted")

    with monkeypatch.context() as patch:
        patch.setattr(OutboxRows, "delete", dies)
        patch.setattr("onboarding_shared.messaging.unpublished.DELETE_SECONDS", 60.0)
        await loopback.send(1, 2)
        await eventually(subscriber.read, equals=[1, 2])
        await loopback.relay.stop()
    await loopback.consumer.start()
    await loopback.send(3)
    relay = successor(loopback)
    await relay.start()
    await eventually(subscriber.read, equals=[1, 2, 1, 2, 3])
    await eventually(lambda: loopback.applied == [(4, 1), (4, 2), (4, 3)])
    await eventually(loopback.unpublished, equals=0)
    await relay.stop()


async def test_a_row_of_another_instance_between_own_ones_keeps_its_place(
    loopback: Loopback, subscriber: Subscriber
) -> None:
    own, other = loopback.outbox, Outbox()
    for sequence in range(1, 31):
        loopback.outbox = other if sequence % 3 == 0 else own
        await loopback.send(sequence)
    await eventually(subscriber.read, equals=list(range(1, 31)))
    await eventually(loopback.unpublished, equals=0)


async def test_a_relay_that_stops_leaves_no_published_row(loopback: Loopback, subscriber: Subscriber) -> None:
    await loopback.send(1)
    await eventually(subscriber.read, equals=[1])
    await loopback.relay.stop()
    assert await loopback.unpublished() == 0


async def test_no_row_is_deleted_before_its_topic_was_seen(
    loopback: Loopback, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(*_: object) -> bool:
        return False

    with monkeypatch.context() as patch:
        patch.setattr(Relay, "_has_topics", lost)
        patch.setattr("onboarding_shared.messaging.relay._METADATA_SECONDS", 0.0)
        patch.setattr("onboarding_shared.messaging.unpublished.DELETE_SECONDS", 0.0)
        await asyncio.sleep(2.0)  # the next check is due
        await loopback.send(1)
        await eventually(lambda: twice(subscriber))
        assert await loopback.unpublished() == 1
    await eventually(loopback.unpublished, equals=0)


async def test_a_delete_that_is_repeated_does_not_look_like_a_lost_lease(loopback: Loopback) -> None:
    await loopback.relay.stop()
    await loopback.send(1)
    rows = OutboxRows(loopback.database, holder="one")
    token = await rows.take_lease(60.0, None)
    ids = [row.id for row in await rows.read(10)]
    assert await rows.delete(ids, token)
    assert await rows.delete(ids, token)
    assert not await rows.delete(ids, (token or 0) + 1)
