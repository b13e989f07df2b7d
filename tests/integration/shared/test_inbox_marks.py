"""The last applied sequences are moved with their messages, once, however many consumers take them."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from aiokafka import ConsumerRecord
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging.changes import Change, OneStatement
from onboarding_shared.messaging.inbox import Inbox
from onboarding_shared.messaging.inbox_sequences import last_applied
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable
from tests.support.loopback import record
from tests.support.waiting import eventually


class Reader:
    """An inbox that notes what it applies."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.applied: list[tuple[int, int]] = []
        self.applying = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.fails = False
        self._inbox = Inbox(database, Outbox(), group="test", applies={SESSIONS: self._apply}, window=100)

    async def _apply(self, _: AsyncConnection, messages: Sequence[Received]) -> None:
        self.applying.set()
        await self.go_on.wait()
        if self.fails:
            raise DatabaseUnavailable("planted")
        self.applied += [(message.tenant_id, message.sequence) for message in messages]

    async def take(self, *messages: tuple[int, int]) -> None:
        await self._inbox.take([consumed(tenant_id, sequence) for tenant_id, sequence in messages])

    async def mark(self, tenant_id: int) -> int:
        return await last_applied(self.database, tenant_id, SESSIONS.name)


COUNT = """counted AS (
    INSERT INTO outbox_sequences AS s (tenant_id, topic, last_sequence)
    SELECT tenant_id, 'applied', count(*) FROM unnest(CAST(:applied AS bigint[])) AS a (tenant_id)
    WHERE tenant_id IN (SELECT tenant_id FROM continued) GROUP BY tenant_id
    ON CONFLICT (tenant_id, topic) DO UPDATE SET last_sequence = s.last_sequence + excluded.last_sequence
),"""


class Counter:
    """An inbox whose use case is one statement: it counts the messages of each tenant."""

    def __init__(self, database: Database) -> None:
        self.database = database
        count = OneStatement(lambda batch: Change(COUNT, {"applied": [received.tenant_id for received in batch]}))
        self._inbox = Inbox(database, Outbox(), group="test", applies={SESSIONS: count}, window=100)

    async def take(self, *messages: tuple[int, int]) -> None:
        await self._inbox.take([consumed(tenant_id, sequence) for tenant_id, sequence in messages])

    async def counts(self) -> dict[int, tuple[int, int]]:
        """The number of messages of each tenant that were applied, and its mark."""
        async with self.database.transaction() as tx:
            rows = await tx.execute(
                text("""
SELECT i.tenant_id, coalesce(o.last_sequence, 0), i.last_sequence
FROM inbox_sequences i LEFT JOIN outbox_sequences o ON o.tenant_id = i.tenant_id AND o.topic = 'applied'
""")
            )
            return {tenant_id: (applied, mark) for tenant_id, applied, mark in rows}


def consumed(tenant_id: int, sequence: int) -> ConsumerRecord[bytes, bytes]:
    sent = record(tenant_id, sequence)
    return ConsumerRecord(
        topic=sent["topic"], partition=0, offset=sequence, timestamp=0, timestamp_type=0, key=sent["key"],
        value=sent["value"], checksum=None, serialized_key_size=0, serialized_value_size=0,
        headers=tuple(sent["headers"]),
    )  # fmt: skip


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def waiting_for_locks(database: Database) -> int:
    async with database.transaction() as tx:
        rows = await tx.execute(
            text("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        )
        return len(rows.all())


@pytest.fixture
def reader(database: Database) -> Reader:
    return Reader(database)


async def test_messages_in_order_take_one_statement(reader: Reader) -> None:
    for messages in ([(4, 1), (4, 2), (9, 1)], [(9, 2), (4, 3), (7, 1)]):
        with statements(reader.database) as seen:
            await reader.take(*messages)
        assert len(seen) == 1
    assert reader.applied == [(4, 1), (4, 2), (9, 1), (9, 2), (4, 3), (7, 1)]
    assert [await reader.mark(tenant_id) for tenant_id in (4, 7, 9)] == [3, 1, 2]


async def test_repeats_and_gaps_of_one_tenant_leave_others_alone(reader: Reader) -> None:
    await reader.take((4, 1), (4, 2), (9, 1))
    reader.applied.clear()
    await reader.take((4, 2), (4, 3), (9, 4), (7, 3), (8, 1), (9, 3))
    assert reader.applied == [(4, 3), (9, 4), (7, 3), (8, 1)]
    assert [await reader.mark(tenant_id) for tenant_id in (4, 7, 8, 9)] == [3, 3, 1, 4]


async def test_a_jump_of_an_unknown_tenant_leaves_no_mark(reader: Reader) -> None:
    await reader.take((4, 2**62))
    assert (reader.applied, await reader.mark(4)) == ([], 0)


@pytest.mark.parametrize("known", [0, 3])
async def test_of_two_consumers_at_once_one_applies_a_message(database: Database, known: int) -> None:
    first, second = Reader(database), Reader(database)
    await first.take(*((4, sequence) for sequence in range(1, known + 1)))
    first.applied.clear()
    first.applying.clear()
    first.go_on.clear()
    taken = asyncio.create_task(first.take((4, known + 1)))
    await first.applying.wait()
    repeated = asyncio.create_task(second.take((4, known + 1), (4, known + 2)))
    await eventually(lambda: waiting_for_locks(database), equals=1)
    first.go_on.set()
    await asyncio.gather(taken, repeated)
    assert first.applied + second.applied == [(4, known + 1), (4, known + 2)]
    assert await first.mark(4) == known + 2


async def test_dying_before_the_commit_moves_no_mark(reader: Reader) -> None:
    await reader.take((4, 1))
    reader.fails = True
    with pytest.raises(DatabaseUnavailable):
        await reader.take((4, 2), (9, 1))
    assert [await reader.mark(tenant_id) for tenant_id in (4, 9)] == [1, 0]
    reader.fails = False
    await reader.take((4, 2), (9, 1))
    assert reader.applied == [(4, 1), (4, 2), (9, 1)]


async def test_one_statement_applies_messages_with_their_marks(database: Database) -> None:
    counter = Counter(database)
    for messages in ([(4, 1), (4, 2), (9, 1)], [(9, 2), (4, 3)]):
        with statements(database) as seen:
            await counter.take(*messages)
        assert len(seen) == 1
    assert await counter.counts() == {4: (3, 3), 9: (2, 2)}


async def test_one_statement_leaves_repeats_and_gaps_to_a_transaction(database: Database) -> None:
    counter = Counter(database)
    await counter.take((4, 1), (4, 2), (9, 1))
    await counter.take((4, 2), (9, 2), (9, 3), (7, 3), (8, 1), (5, 2**62))
    assert await counter.counts() == {4: (2, 2), 9: (3, 3), 7: (1, 3), 8: (1, 1)}


async def test_one_statement_is_applied_once_by_consumers_at_once(database: Database) -> None:
    counters = [Counter(database) for _ in range(4)]
    for sequence in range(1, 6):
        await asyncio.gather(*(counter.take((4, sequence), (9, sequence)) for counter in counters))
    assert await counters[0].counts() == {4: (5, 5), 9: (5, 5)}
