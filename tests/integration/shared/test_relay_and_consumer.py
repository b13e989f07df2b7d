"""Delivery from an outbox through a real broker to an inbox: order, repeats, faults and failures."""

import asyncio
from collections.abc import Callable

import pytest

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from tests.support.engines import free_port, kafka_broker, kafka_settings, offsets_at, topics_at
from tests.support.loopback import Loopback, record, started
from tests.support.waiting import eventually


async def test_messages_arrive_in_order_and_leave_the_outbox(loopback: Loopback) -> None:
    await loopback.consumer.start()
    await loopback.send(1, 2, 3)
    await loopback.send(4)
    await eventually(lambda: loopback.applied == [(4, 1), (4, 2), (4, 3), (4, 4)])
    await eventually(loopback.unpublished, equals=0)


async def test_a_new_group_reads_what_was_there_before_it(loopback: Loopback) -> None:
    await loopback.send(1, 2)
    await eventually(loopback.unpublished, equals=0)
    await loopback.consumer.start()
    await eventually(lambda: loopback.applied == [(4, 1), (4, 2)])


async def test_a_record_delivered_again_is_applied_once(loopback: Loopback) -> None:
    await loopback.consumer.start()
    producer = await started(loopback)
    for sequence in (1, 1, 2, 1):
        await producer.send_and_wait(**record(4, sequence))
    await producer.stop()
    await eventually(lambda: len(loopback.applied) >= 2)
    await eventually(loopback.lag, equals=0)
    assert loopback.applied == [(4, 1), (4, 2)]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda good: good | {"value": b"\xff\xfe"}, "DATA_NOT_JSON"),
        (lambda good: good | {"value": None}, "VALUE_MISSING"),
        (lambda good: good | {"value": b'{"type":"Nonsense"}'}, "DATA_INVALID"),
        (lambda good: good | {"key": b"5"}, "KEY_MISMATCH"),
        (lambda good: good | {"headers": [*good["headers"], ("ce_subject", None)]}, "HEADER_INVALID"),
        (lambda good: good | {"headers": [*good["headers"], ("ce_subject", b"\xff")]}, "HEADER_INVALID"),
        (lambda good: good | {"headers": []}, "NOT_A_CLOUDEVENT"),
    ],
)
async def test_a_record_nobody_can_read_becomes_a_dead_letter_and_its_neighbours_are_applied(
    loopback: Loopback, spoil: Callable[[dict], dict], reason: str
) -> None:
    producer = await started(loopback)
    sent = [await producer.send(**arguments) for arguments in (record(4, 1), spoil(record(4, 2)), record(4, 3))]
    await asyncio.gather(*sent)
    await producer.stop()
    await loopback.consumer.start()
    await eventually(lambda: (4, 3) in loopback.applied)
    assert loopback.applied == [(4, 1), (4, 3)]
    await eventually(loopback.dead_letters, equals=[reason])
    await eventually(loopback.unpublished, equals=0)  # it went to the dead-letter topic as well


@pytest.mark.parametrize("traceparent", [None, b"\x00", b"\xff", b"garbage"])
async def test_a_record_with_an_unreadable_trace_context_is_applied(
    loopback: Loopback, traceparent: bytes | None
) -> None:
    good = record(4, 1)
    producer = await started(loopback)
    await producer.send_and_wait(**good | {"headers": [*good["headers"], ("ce_traceparent", traceparent)]})
    await producer.stop()
    await loopback.consumer.start()
    await eventually(lambda: loopback.applied == [(4, 1)])
    assert await loopback.dead_letters() == []


async def test_a_message_that_cannot_be_applied_harms_only_itself(loopback: Loopback) -> None:
    def fault(message: Received) -> None:
        if message.sequence == 2:
            raise LookupError("planted")

    loopback.fault = fault
    await loopback.send(1, 2, 3)
    await loopback.consumer.start()
    await eventually(lambda: (4, 3) in loopback.applied)
    assert (4, 2) not in loopback.applied
    await eventually(loopback.dead_letters, equals=["APPLY_FAILED"])


async def test_a_broker_that_forgot_everything_gets_its_topics_and_the_rest_of_the_messages(database: Database) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    kafka = kafka_settings(address)
    loopback = Loopback(database, kafka, "test")
    try:
        with kafka_broker(port):
            await loopback.relay.start()
            await loopback.consumer.start()
            await loopback.send(1)
            await eventually(lambda: loopback.applied == [(4, 1)])
            # A commit still on its way would reach the next broker, and hide from the consumer what is first there.
            await eventually(lambda: offsets_at(address, "test", SESSIONS.name, kafka.topic_partitions), equals=[1])
        with kafka_broker(port):
            await eventually(lambda: topics_at(address), equals={SESSIONS.name, SESSIONS.dead_letters})
            await loopback.send(2)
            await eventually(lambda: loopback.applied == [(4, 1), (4, 2)], seconds=60)
            await loopback.consumer.stop()
            await loopback.relay.stop()
    finally:
        await loopback.consumer.stop()
        await loopback.relay.stop()


async def test_a_relay_without_the_lease_publishes_nothing(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    await loopback.send(1)
    await eventually(loopback.unpublished, equals=0)
    monkeypatch.setattr("onboarding_shared.messaging.relay.LEASE_SECONDS", 0.4)
    standby = Relay(loopback.database, loopback.kafka, source=SESSIONS.source, topics=[SESSIONS])
    await standby.start()
    await loopback.relay.stop()  # gives the lease back: now the other one takes over
    await loopback.send(2)
    await eventually(loopback.unpublished, equals=0)
    await standby.stop()
