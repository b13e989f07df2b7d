"""Messages are numbered and stored in the transaction of the change that they describe."""

import asyncio
import contextlib
import uuid
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import text

from onboarding_shared.contracts.run_keys import Purpose, RunKeys
from onboarding_shared.contracts.session_api import CancelTask, SessionAbandoned, SessionCompleted, SessionStarted
from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.types import CheckStatus, RunState
from onboarding_shared.messaging.changes import Change
from onboarding_shared.messaging.outbox import MAX_BYTES, TIME_OF_COMMIT, MessageTooLarge, Outbox, Outgoing
from onboarding_shared.messaging.outbox_rows import OutboxRow, OutboxRows
from onboarding_shared.postgres.database import Database
from tests.support.function_calls import CountedCalls

ROWS = text("SELECT tenant_id, topic, sequence, event_type FROM outbox ORDER BY id")


def started(tenant_id: int) -> SessionStarted:
    return SessionStarted(tenant_id=tenant_id, session_id=1, by_user_id=7)


def completed(tenant_id: int) -> SessionCompleted:
    return SessionCompleted(tenant_id=tenant_id, session_id=1, by_user_id=7)


async def rows(database: Database) -> list[tuple[int, str, int, str]]:
    async with database.transaction() as connection:
        return [tuple(row) for row in await connection.execute(ROWS)]


async def test_each_tenant_counts_from_one_in_the_order_given(database: Database) -> None:
    outbox = Outbox()
    async with database.transaction() as connection:
        await outbox.append(connection, [started(4), started(9), completed(4)])
    async with database.transaction() as connection:
        await outbox.append(connection, [completed(9)])
    assert await rows(database) == [
        (4, "onboarding.sessions.v1", 1, "org.onboarding.SessionStarted.v1"),
        (9, "onboarding.sessions.v1", 1, "org.onboarding.SessionStarted.v1"),
        (4, "onboarding.sessions.v1", 2, "org.onboarding.SessionCompleted.v1"),
        (9, "onboarding.sessions.v1", 2, "org.onboarding.SessionCompleted.v1"),
    ]


async def test_a_rolled_back_change_leaves_neither_message_nor_gap(database: Database) -> None:
    outbox = Outbox()
    try:
        async with database.transaction() as connection:
            await outbox.append(connection, [started(4)])
            raise LookupError
    except LookupError:
        pass
    async with database.transaction() as connection:
        await outbox.append(connection, [started(4)])
    assert [row[2] for row in await rows(database)] == [1]


async def test_concurrent_writers_of_one_tenant_leave_no_gap(database: Database) -> None:
    outbox = Outbox()

    async def write() -> None:
        async with database.transaction() as connection:
            await outbox.append(connection, [started(4), completed(4)])

    await asyncio.gather(*(write() for _ in range(20)))
    assert [row[2] for row in await rows(database)] == list(range(1, 41))


async def test_the_relay_gets_the_rows_of_commits_as_they_are_stored(database: Database) -> None:
    handed_over: list[OutboxRow] = []
    outbox = Outbox(handed_over.extend)
    async with database.transaction() as connection:
        await outbox.append(connection, [started(9), Outgoing(started(4), "00-1", "a.topic", "key"), completed(9)])
        assert handed_over == []
    assert handed_over == await OutboxRows(database, holder="test").read(10)
    assert [(row.tenant_id, row.topic, row.sequence) for row in handed_over] == [
        (9, "onboarding.sessions.v1", 1),
        (4, "a.topic", 1),
        (9, "onboarding.sessions.v1", 2),
    ]


async def test_the_relay_gets_nothing_of_a_rollback(database: Database) -> None:
    handed_over: list[OutboxRow] = []
    outbox = Outbox(handed_over.extend)
    with contextlib.suppress(LookupError):
        async with database.transaction() as connection:
            await outbox.append(connection, [started(4)])
            raise LookupError
    assert handed_over == []


async def test_a_change_is_stored_with_the_messages_that_it_names(database: Database) -> None:
    handed_over: list[OutboxRow] = []
    queries = "named AS (INSERT INTO inbox_sequences VALUES (:tenant, 'a.topic', 7) RETURNING 2 AS place),"
    change = Change(queries, {"tenant": 5}, condition="m.place IN (SELECT place FROM named)")

    stored = await database.run_single(
        lambda tx: Outbox(handed_over.extend).append(tx, [started(4), started(9), completed(4)], change)
    )

    assert stored == [1]
    assert await rows(database) == [(9, "onboarding.sessions.v1", 1, "org.onboarding.SessionStarted.v1")]
    assert handed_over == await OutboxRows(database, holder="test").read(10)
    async with database.transaction() as connection:
        assert (await connection.execute(text("SELECT last_sequence FROM inbox_sequences"))).scalar_one() == 7


def finished(**values: object) -> RunFinished:
    return RunFinished(
        tenant_id=4, run_id=1, task_type="a", attempt=1, state=RunState.SUCCEEDED, status=CheckStatus.OK,
        reason_code="OK", **{"message": '0001-01-01T00:00:00Z"}', "finished_at": TIME_OF_COMMIT, **values},
    )  # fmt: skip


async def test_a_timed_message_gets_the_time_of_its_transaction(database: Database) -> None:
    handed_over: list[OutboxRow] = []
    async with database.transaction() as connection:
        await Outbox(handed_over.extend).append(connection, [Outgoing(finished(), timed=True), started(4)])

    stored = await OutboxRows(database, holder="test").read(10)

    assert handed_over == stored
    assert msgspec.json.decode(stored[0].data, type=RunFinished) == finished(finished_at=stored[0].created_at)


async def test_a_timed_message_that_has_a_time_is_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="TIME_OF_COMMIT"):
        async with database.transaction() as connection:
            await Outbox().append(connection, [Outgoing(finished(finished_at=datetime.now(UTC)), timed=True)])


async def test_commands_and_no_events_get_the_key_of_their_run(database: Database) -> None:
    keys = RunKeys(["c" * 32], purpose=Purpose.COMMANDS)
    outbox = Outbox(command_keys=keys)
    command = CancelTask(tenant_id=4, run_id=7, requested_by=1, requested_at=datetime(2026, 11, 24, tzinfo=UTC))
    async with database.transaction() as connection:
        await outbox.append(connection, [command, started(4)])
        mac_keys = list((await connection.execute(text("SELECT mac_key FROM outbox ORDER BY id"))).scalars())
    assert mac_keys == [keys.key_of(4, 7), None]


async def test_a_message_that_kafka_would_refuse_is_named(database: Database) -> None:
    large = SessionAbandoned(tenant_id=4, session_id=1, by_user_id=7, reason="x" * MAX_BYTES)

    with pytest.raises(MessageTooLarge, match=r"SessionAbandoned has 9.* bytes; the maximum is 900000"):
        async with database.transaction() as connection:
            await Outbox().append(connection, [started(4), large, started(9)])

    assert await rows(database) == []


async def test_each_message_has_a_random_id(database: Database) -> None:
    async with database.transaction() as connection:
        await Outbox().append(connection, [started(number) for number in range(1, 101)])
        ids = list((await connection.execute(text("SELECT message_id FROM outbox"))).scalars())

    assert len(set(ids)) == 100
    assert {(uuid.UUID(str(message_id)).version, uuid.UUID(str(message_id)).variant) for message_id in ids} == {
        (4, uuid.RFC_4122)
    }


async def test_a_message_takes_few_calls(database: Database) -> None:
    handed_over: list[OutboxRow] = []
    outbox = Outbox(handed_over.extend)

    async def calls(messages: int) -> int:
        async with database.transaction() as connection:
            with CountedCalls() as counted:
                await outbox.append(connection, [started(number) for number in range(messages)])
        return counted.total

    await calls(1)

    best = min([await calls(101) for _ in range(3)])  # a collection of garbage may call functions in between

    assert best <= await calls(1) + 2 * 100 + 50
