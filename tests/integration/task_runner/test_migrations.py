"""The migrations make exactly the tables that the code knows, whenever and however often they run."""

import asyncio
import re

import asyncpg
from alembic import command
from sqlalchemy import text

from onboarding_shared.contracts.types import RunState
from onboarding_shared.postgres.migrate import config, migrate
from tests.integration.task_runner.runner_harness import RunnerHarness

PACKAGE = "task_runner.store.migrations"


def test_the_migrations_make_the_tables_of_the_metadata(runner_url: str) -> None:
    command.check(config(runner_url, PACKAGE))


def test_migrating_again_changes_nothing(runner_url: str) -> None:
    migrate(runner_url, PACKAGE)
    command.check(config(runner_url, PACKAGE))


async def test_runs_are_kept_when_the_tenant_joins_their_key(database_url: str) -> None:
    await asyncio.to_thread(command.upgrade, config(database_url, PACKAGE), "0003")
    insert = """
        INSERT INTO executions (run_id, tenant_id, task_type, scope_key, mode, time_limit, max_attempts, state)
        VALUES (1, $1, 'check.quick', 0, 'shared', 1, 1, 'queued')"""
    connection = await asyncpg.connect(database_url)
    await connection.execute(insert, 4)
    await asyncio.to_thread(migrate, database_url, PACKAGE)
    await connection.execute(insert, 5)
    kept = await connection.fetch("SELECT run_id, tenant_id, state FROM executions ORDER BY tenant_id")
    await connection.close()
    assert [tuple(row) for row in kept] == [(1, 4, "queued"), (1, 5, "queued")]


async def test_the_database_knows_the_states_of_the_contract(harness: RunnerHarness) -> None:
    async with harness.database.transaction() as connection:
        rule = await connection.execute(
            text("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'executions_state'")
        )
        assert set(re.findall(r"'(\w+)'", rule.scalar_one())) == {str(state) for state in RunState}
