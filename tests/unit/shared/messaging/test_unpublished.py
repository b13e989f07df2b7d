"""When the relay reads the outbox, and when it deletes what is published."""

from collections.abc import Sequence
from typing import cast

import pytest

from onboarding_shared.messaging.outbox_rows import OutboxRow, OutboxRows
from onboarding_shared.messaging.unpublished import Unpublished
from tests.unit.shared.messaging.test_handover import row

TOKEN = 3


class Table:
    """Rows in memory, and what was asked of them."""

    def __init__(self) -> None:
        self.rows: list[OutboxRow] = []
        self.reads = 0
        self.held = True

    async def read(self, batch: int, without: Sequence[int] = ()) -> list[OutboxRow]:
        self.reads += 1
        return [stored for stored in self.rows if stored.id not in without][:batch]

    async def delete(self, ids: Sequence[int], token: int | None) -> bool:
        assert token == TOKEN
        if self.held:
            self.rows = [stored for stored in self.rows if stored.id not in ids]
        return self.held


class Instance:
    """One relay's view of a table, and a clock that stands still."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.table = Table()
        self.unpublished = Unpublished(cast(OutboxRows, self.table), clock=lambda: self.now)

    def commit(self, stored: OutboxRow, *, elsewhere: bool = False) -> None:
        self.table.rows.append(stored)
        if not elsewhere:
            self.unpublished.put([stored])

    async def publish(self) -> list[int]:
        rows = await self.unpublished.next()
        if rows:
            self.unpublished.published(rows)
        return [published.sequence for published in rows]


@pytest.fixture
async def instance() -> Instance:
    instance = Instance()
    assert await instance.publish() == []  # the first one reads the table
    instance.table.reads = 0
    return instance


async def test_own_rows_are_published_without_a_read(instance: Instance) -> None:
    for sequence in (1, 2, 3):
        instance.commit(row(4, sequence))
        assert await instance.publish() == [sequence]
    assert instance.table.reads == 0


async def test_a_row_of_another_instance_keeps_its_place(instance: Instance) -> None:
    instance.commit(row(4, 1))
    assert await instance.publish() == [1]
    instance.commit(row(4, 2), elsewhere=True)
    instance.commit(row(4, 3))
    assert await instance.publish() == [2, 3]


async def test_while_another_instance_stores_rows_each_turn_reads(instance: Instance) -> None:
    instance.now += 1.0
    instance.commit(row(4, 1), elsewhere=True)
    assert await instance.publish() == [1]
    instance.commit(row(9, 2), elsewhere=True)
    assert await instance.publish() == [2]
    assert instance.unpublished.rest <= 0.1


async def test_an_own_row_that_a_poll_saw_first_is_no_foreign_one(instance: Instance) -> None:
    instance.now += 1.0
    instance.table.rows.append(row(4, 1))
    rows = await instance.unpublished.next()
    instance.unpublished.put([row(4, 1)])
    instance.unpublished.published(rows)
    reads = instance.table.reads
    instance.commit(row(9, 1))
    assert await instance.publish() == [1]
    assert instance.table.reads == reads


async def test_polls_of_an_empty_table_come_once_a_second_in_the_end(instance: Instance) -> None:
    for _ in range(6):
        instance.now += instance.unpublished.rest
        await instance.publish()
    assert instance.unpublished.rest == 1.0


async def test_published_rows_are_deleted_together_and_later(instance: Instance) -> None:
    for sequence in (1, 2):
        instance.commit(row(4, sequence))
        await instance.publish()
        assert not instance.unpublished.delete_is_due
    instance.now += 0.5
    assert instance.unpublished.delete_is_due
    assert await instance.unpublished.delete_all(TOKEN)
    assert instance.table.rows == []


async def test_many_published_rows_are_deleted_at_once(instance: Instance) -> None:
    for sequence in range(1000):
        instance.commit(row(4, sequence + 1))
    await instance.publish()
    assert instance.unpublished.delete_is_due


async def test_a_published_row_that_waits_for_its_deletion_is_not_read(instance: Instance) -> None:
    instance.commit(row(4, 1))
    await instance.publish()
    instance.now += 0.4
    assert await instance.publish() == []
    assert instance.table.reads == 1


async def test_a_lost_lease_deletes_nothing(instance: Instance) -> None:
    instance.commit(row(4, 1))
    await instance.publish()
    instance.table.held = False
    assert not await instance.unpublished.delete_all(TOKEN)


async def test_after_a_fault_all_that_the_table_has_is_published_again(instance: Instance) -> None:
    instance.commit(row(4, 1))
    await instance.publish()
    instance.commit(row(4, 2))
    instance.unpublished.start_again()
    assert await instance.publish() == [1, 2]
