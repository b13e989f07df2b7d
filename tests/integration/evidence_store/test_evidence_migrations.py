"""The migrations make the tables that the code believes in, once, whoever else migrates."""

import asyncio
import subprocess
import sys

import asyncpg
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from evidence_store.store.tables import metadata
from onboarding_shared.postgres.database import async_url
from onboarding_shared.postgres.migrate import migrate

PACKAGE = "evidence_store.store.migrations"


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url, PACKAGE)
    migrate(database_url, PACKAGE)
    assert asyncio.run(versions(database_url)) == ["0005"]


def test_migrating_in_several_processes_at_once_works(database_url: str) -> None:
    line = [
        sys.executable,
        "-c",
        f"from onboarding_shared.postgres.migrate import migrate\nmigrate({database_url!r}, {PACKAGE!r})",
    ]
    processes = [subprocess.Popen(line) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert asyncio.run(versions(database_url)) == ["0005"]


def test_the_metadata_is_what_the_migrations_make(store_url: str) -> None:
    assert asyncio.run(differences(store_url)) == []


async def versions(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        return [row["version_num"] for row in await connection.fetch("SELECT version_num FROM alembic_version")]
    finally:
        await connection.close()


async def differences(url: str) -> list[object]:
    engine = create_async_engine(async_url(url))

    def compare(connection: Connection) -> list[object]:
        return compare_metadata(MigrationContext.configure(connection), metadata)

    try:
        async with engine.connect() as connection:
            return await connection.run_sync(compare)
    finally:
        await engine.dispose()
