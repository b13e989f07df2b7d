"""A forged sequence silences no tenant, and a mark that was moved by one can be repaired while the consumer works."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text

from onboarding_shared.contracts.audit import SessionApiInboxRepaired
from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging.inbox_repair import Audit, Repair, repair
from tests.support.loopback import Loopback, record, started
from tests.support.waiting import eventually

INSIDE, BEYOND = 5_000, 2**62


@pytest.fixture
async def producer(loopback: Loopback) -> AsyncIterator[AIOKafkaProducer]:
    await loopback.consumer.start()
    producer = await started(loopback)
    yield producer
    await producer.stop()


async def repaired(loopback: Loopback, *, dry_run: bool = False) -> Repair:
    audit = None if dry_run else Audit(SessionApiInboxRepaired, "ann@host")
    (outcome,) = await repair(
        loopback.kafka, loopback.database, [SESSIONS.name], group="test", tenant_id=4, audit=audit
    )
    return outcome


async def announced(loopback: Loopback) -> list[dict[str, object]]:
    async with loopback.database.transaction() as tx:
        rows = await tx.execute(text("SELECT data FROM outbox WHERE topic = 'onboarding.audit.session-api.v1'"))
        return [msgspec.json.decode(data) for (data,) in rows]


async def test_after_a_jump_the_tenants_messages_go_on(loopback: Loopback, producer: AIOKafkaProducer) -> None:
    for sequence in (1, BEYOND, 2, 3):
        await producer.send_and_wait(**record(4, sequence))
    await eventually(lambda: loopback.applied == [(4, 1), (4, 2), (4, 3)])
    await eventually(loopback.dead_letters, equals=["SEQUENCE_JUMPED"])


async def test_a_jump_that_cannot_be_applied_moves_no_mark(loopback: Loopback, producer: AIOKafkaProducer) -> None:
    def fault(message) -> None:
        raise LookupError("planted")

    loopback.fault = fault
    for sequence in (1, BEYOND):
        await producer.send_and_wait(**record(4, sequence))
    await eventually(loopback.dead_letters, equals=["APPLY_FAILED", "SEQUENCE_JUMPED"])
    loopback.fault = lambda message: None
    await producer.send_and_wait(**record(4, 2))
    await eventually(lambda: loopback.applied == [(4, 2)])


async def test_a_foreign_source_moves_no_mark(loopback: Loopback, producer: AIOKafkaProducer) -> None:
    foreign = record(4, INSIDE)
    foreign["headers"] = [(name, b"/staging" if name == "ce_source" else value) for name, value in foreign["headers"]]
    await producer.send_and_wait(**foreign)
    await producer.send_and_wait(**record(4, 1))
    await eventually(lambda: loopback.applied == [(4, 1)])
    await eventually(loopback.dead_letters, equals=["SOURCE_FOREIGN"])


async def test_a_repair_lets_a_silenced_tenant_go_on(loopback: Loopback, producer: AIOKafkaProducer) -> None:
    for sequence in (1, INSIDE, 2, 3):
        await producer.send_and_wait(**record(4, sequence))
    await eventually(lambda: (4, INSIDE) in loopback.applied)
    await eventually(loopback.lag, equals=0)
    wanted = Repair(SESSIONS.name, INSIDE, 3)
    await eventually(lambda: repaired(loopback, dry_run=True), equals=wanted)  # offsets are committed behind the work
    assert await announced(loopback) == []
    assert await repaired(loopback) == wanted
    (event,) = await announced(loopback)
    assert event.pop("occurred_at")
    assert event == {
        "type": "SessionApiInboxRepaired",
        "tenant_id": 4,
        "operator": "ann@host",
        "repaired_topic": SESSIONS.name,
        "before": INSIDE,
        "after": 3,
    }
    await producer.send_and_wait(**record(4, 4))
    await eventually(lambda: (4, 4) in loopback.applied)


async def test_repairs_of_a_busy_healthy_inbox_change_nothing(loopback: Loopback, producer: AIOKafkaProducer) -> None:
    for start in range(0, 300, 100):
        sent = [await producer.send(**record(4, start + number)) for number in range(1, 101)]
        before, after = (await repaired(loopback))[1:]
        assert before == after
        for future in sent:
            await future
    await eventually(lambda: loopback.applied == [(4, number) for number in range(1, 301)])
    assert await loopback.dead_letters() == []
