"""Dead letters are bounded by age and number; the newest stay."""

import pytest
from sqlalchemy import text

from onboarding_shared.messaging.dead_letter_sweeper import DeadLetterSweeper
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.message_settings import KafkaSettings

_INSERT = text("""
INSERT INTO dead_letters
    (source_topic, partition, record_offset, fingerprint, reason_code, detail, headers, recorded_at)
SELECT 't', 0, number, '', 'R', '', '[]', now() - make_interval(days => :age)
FROM generate_series(CAST(:first AS integer), CAST(:last AS integer)) number
""")


async def insert(database: Database, first: int, last: int, *, age: int = 0) -> None:
    async with database.transaction() as tx:
        await tx.execute(_INSERT, {"first": first, "last": last, "age": age})


async def offsets(database: Database) -> list[int]:
    async with database.transaction() as tx:
        rows = await tx.execute(text("SELECT record_offset FROM dead_letters ORDER BY id"))
        return list(rows.scalars())


@pytest.fixture
def sweeper(database: Database) -> DeadLetterSweeper:
    settings = KafkaSettings(bootstrap_servers="unused:9092", dead_letter_days=30, dead_letters_kept=10)
    return DeadLetterSweeper(database, settings)


async def test_letters_within_both_limits_stay(database: Database, sweeper: DeadLetterSweeper) -> None:
    await insert(database, 1, 10, age=29)
    assert await sweeper.sweep() == 0
    assert await offsets(database) == list(range(1, 11))


async def test_letters_that_are_too_old_are_removed(database: Database, sweeper: DeadLetterSweeper) -> None:
    await insert(database, 1, 3, age=31)
    await insert(database, 4, 5)
    assert await sweeper.sweep() == 3
    assert await offsets(database) == [4, 5]


async def test_the_oldest_of_too_many_letters_are_removed(database: Database, sweeper: DeadLetterSweeper) -> None:
    await insert(database, 1, 14)
    assert await sweeper.sweep() == 4
    assert await offsets(database) == list(range(5, 15))


async def test_a_flood_is_removed_batch_by_batch(database: Database, sweeper: DeadLetterSweeper) -> None:
    await insert(database, 1, 700)
    assert [await sweeper.sweep(), await sweeper.sweep(), await sweeper.sweep()] == [500, 190, 0]
    assert len(await offsets(database)) == 10
