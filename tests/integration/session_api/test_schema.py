"""The migrations: repeatable, concurrent, and equal to the metadata."""

import asyncio

from alembic import command
from sqlalchemy import text

from onboarding_shared.contracts.run_states import ACTIVE, TERMINAL
from onboarding_shared.contracts.types import RunState, SessionStatus
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.migrate import config, migrate

MIGRATIONS = "session_api.store.migrations"


async def check_definition(database_url: str, name: str) -> str:
    database = Database(database_url, application_name="test")
    async with database.transaction() as connection:
        query = text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = :name")
        definition = (await connection.execute(query, {"name": name})).scalar_one()
    await database.close()
    return str(definition)


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url, MIGRATIONS)
    migrate(database_url, MIGRATIONS)


def test_the_migrations_create_the_schema_of_the_metadata(database_url: str) -> None:
    migrate(database_url, MIGRATIONS)
    command.check(config(database_url, MIGRATIONS))


async def test_the_states_in_the_schema_are_those_of_the_contract(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url, MIGRATIONS)
    runs = await check_definition(database_url, "operation_runs_state_known")
    sessions = await check_definition(database_url, "onboarding_sessions_status_known")

    assert {state for state in RunState if f"'{state}'" in runs} == set(ACTIVE | TERMINAL) == set(RunState)
    assert all(f"'{status}'" in sessions for status in SessionStatus)


async def test_the_indexes_of_active_runs_name_every_active_state(database_url: str) -> None:
    await asyncio.to_thread(migrate, database_url, MIGRATIONS)
    database = Database(database_url, application_name="test")
    async with database.transaction() as connection:
        query = text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'operation_runs'")
        definitions = dict(tuple(row) for row in await connection.execute(query))
    await database.close()

    for name in ("operation_runs_one_active", "operation_runs_one_exclusive", "operation_runs_resend_due"):
        assert {state for state in RunState if f"'{state}'" in definitions[name]} == set(ACTIVE), name
