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
