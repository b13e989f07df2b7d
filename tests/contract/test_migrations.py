"""Each service's migrations: from nothing, twice, four at once, and exactly to the tables that the code knows."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from subprocess import PIPE, Popen
from typing import IO, Any, TypeVar

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

import evidence_store.store.tables
import session_api.store.tables
import task_runner.store.tables
from onboarding_shared.postgres.database import async_url
from onboarding_shared.postgres.migrate import config, migrate

T = TypeVar("T")

SERVICES: dict[str, MetaData] = {
    "session_api.store.migrations": session_api.store.tables.METADATA,
    "task_runner.store.migrations": task_runner.store.tables.metadata,
    "evidence_store.store.migrations": evidence_store.store.tables.metadata,
}
MESSAGING = {"outbox", "outbox_sequences", "relay_lease", "inbox_sequences", "dead_letters"}
DESCRIBE = """
SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""

WAITING_FOR_THE_WORD = """
import sys
import asyncpg
from onboarding_shared.postgres.migrate import migrate
print("ready", flush=True)
sys.stdin.read()
migrate(*sys.argv[1:])
"""

each_service = pytest.mark.parametrize("package", SERVICES)


@each_service
def test_migrating_an_empty_database_makes_the_tables_of_the_metadata(database_url: str, package: str) -> None:
    migrate(database_url, package)
    metadata = SERVICES[package]
    tables = set(asking(database_url, table_names))
    assert tables == {*metadata.tables, "alembic_version"}
    assert tables > MESSAGING


@each_service
def test_the_metadata_is_what_the_migrations_make(database_url: str, package: str) -> None:
    migrate(database_url, package)
    assert asking(database_url, lambda connection: differences(connection, SERVICES[package])) == []


@each_service
def test_every_named_check_of_the_metadata_is_in_the_database(database_url: str, package: str) -> None:
    migrate(database_url, package)
    expected = {
        (table.name, str(constraint.name))
        for table in SERVICES[package].tables.values()
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint) and constraint.name
    }
    assert expected <= set(asking(database_url, check_names))


@each_service
def test_a_column_that_only_the_code_knows_is_noticed(database_url: str, package: str) -> None:
    migrate(database_url, package)
    asking(database_url, lambda connection: execute(connection, "ALTER TABLE outbox DROP COLUMN subject"))
    changes = asking(database_url, lambda connection: differences(connection, SERVICES[package]))
    assert [change[0] for change in changes] == ["add_column"]


@each_service
def test_migrating_again_changes_nothing(database_url: str, package: str) -> None:
    migrate(database_url, package)
    asking(database_url, lambda connection: execute(connection, "UPDATE relay_lease SET token = 7"))
    before = asking(database_url, described)
    migrate(database_url, package)
    assert asking(database_url, described) == before
    assert asking(database_url, lambda connection: rows(connection, "SELECT token FROM relay_lease")) == [(7,)]


@each_service
def test_four_processes_migrate_one_empty_database_at_once(database_url: str, package: str) -> None:
    line = [sys.executable, "-c", WAITING_FOR_THE_WORD, database_url, package]
    with ExitStack() as stack:
        processes = [stack.enter_context(Popen(line, stdin=PIPE, stdout=PIPE, text=True)) for _ in range(4)]
        assert [pipe(process.stdout).readline() for process in processes] == ["ready\n"] * 4
        for process in processes:
            pipe(process.stdin).close()
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert asking(database_url, lambda connection: differences(connection, SERVICES[package])) == []
    assert len(asking(database_url, lambda connection: rows(connection, "SELECT * FROM relay_lease"))) == 1


@each_service
def test_the_migrations_have_one_end(package: str) -> None:
    heads = ScriptDirectory.from_config(config("postgresql://nobody@127.0.0.1:9/nothing", package)).get_heads()
    assert len(heads) == 1


def pipe(end: IO[str] | None) -> IO[str]:
    assert end is not None
    return end


def asking(database_url: str, question: Callable[[Connection], T]) -> T:
    """The answer to a question to the database, in a transaction of its own."""

    async def ask() -> T:
        engine = create_async_engine(async_url(database_url))
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(question)
        finally:
            await engine.dispose()

    return asyncio.run(ask())


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


def rows(connection: Connection, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in connection.execute(text(query))]


def execute(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


def described(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(connection, DESCRIBE)


def table_names(connection: Connection) -> list[str]:
    return [name for (name,) in rows(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]


def check_names(connection: Connection) -> Iterator[tuple[Any, ...]]:
    return iter(
        rows(
            connection,
            "SELECT conrelid::regclass::text, conname::text FROM pg_constraint"
            " WHERE contype = 'c' AND connamespace = 'public'::regnamespace",
        )
    )
