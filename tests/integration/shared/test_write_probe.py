"""A database that answers but cannot be written to."""

import asyncpg
import pytest

from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.write_probe import WRITE_PROBES_V1, WRITE_SECONDS, CannotWrite, WriteProbe
from onboarding_shared.telemetry.health import HealthCheck, HealthProbes

FAILING_COMMIT = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no space left'; END $$;
CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT OR UPDATE ON write_probes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION fail();
"""


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def owner(database: Database, database_url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(database_url)
    await connection.execute(WRITE_PROBES_V1)
    return connection


async def written(owner: asyncpg.Connection) -> int:
    return int(await owner.fetchval("SELECT xmin::text FROM write_probes"))


async def test_one_row_is_overwritten_now_and_then(database: Database, owner: asyncpg.Connection) -> None:
    clock = Clock()
    probe = WriteProbe(database, clock)
    await probe.check()
    first = await written(owner)

    clock.now += WRITE_SECONDS - 1
    await probe.check()
    assert await written(owner) == first
    clock.now += 1
    await probe.check()

    assert await written(owner) > first
    assert await owner.fetchval("SELECT count(*) FROM write_probes") == 1
    await owner.close()


async def test_every_write_takes_another_page(database: Database, owner: asyncpg.Connection) -> None:
    clock = Clock()
    probe = WriteProbe(database, clock)
    pages = set()
    for _ in range(3):
        await probe.check()
        pages.add(await owner.fetchval("SELECT (ctid::text::point)[0] FROM write_probes"))
        clock.now += WRITE_SECONDS

    assert len(pages) == 3
    await owner.close()


async def test_a_database_that_became_read_only_is_not_ready(
    database: Database, database_url: str, owner: asyncpg.Connection
) -> None:
    name = database_url.rpartition("/")[2].partition("?")[0]
    await owner.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await database.engine.dispose()

    with pytest.raises(CannotWrite, match="read-only transaction"):
        await WriteProbe(database).check()
    await owner.close()


async def test_a_database_that_cannot_commit_is_not_ready_until_it_can(
    database: Database, owner: asyncpg.Connection
) -> None:
    await owner.execute(FAILING_COMMIT)
    probe = WriteProbe(database, Clock())
    probes = HealthProbes([HealthCheck("database", probe.check)])

    assert (await probes.report()).status == "DOWN"
    with pytest.raises(CannotWrite, match="no space left"):
        await probe.check()
    await owner.execute("DROP TRIGGER at_commit ON write_probes")

    assert (await probes.report()).status == "UP"
    await owner.close()
