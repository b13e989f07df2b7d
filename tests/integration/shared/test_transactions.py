"""Transactions of a service: which faults are passing, and what is called after their end."""

import contextlib

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database, after_commit, after_rollback
from onboarding_shared.postgres.faults import DatabaseUnavailable


@pytest.mark.parametrize(
    "statement", ["SELECT not_migrated_yet(1)", "SELECT 1 FROM not_migrated_yet", "SELECT not_yet FROM pg_class"]
)
async def test_a_schema_that_is_not_migrated_yet_is_a_passing_fault(database: Database, statement: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with database.transaction() as tx:
            await tx.execute(text(statement))


async def test_a_failing_callback_keeps_no_other_from_its_turn(database: Database) -> None:
    called: list[str] = []

    def fails() -> None:
        called.append("fails")
        raise LookupError("planted")

    with pytest.raises(LookupError, match="planted"):
        async with database.transaction() as tx:
            after_commit(tx, fails)
            after_commit(tx, lambda: called.append("second"))
    assert called == ["fails", "second"]


async def test_after_a_rollback_only_its_callbacks_are_called(database: Database) -> None:
    called: list[str] = []
    with pytest.raises(LookupError, match="planted"):
        async with database.transaction() as tx:
            after_commit(tx, lambda: called.append("commit"))
            after_rollback(tx, lambda: called.append("rollback"))
            raise LookupError("planted")
    assert called == ["rollback"]


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT 1 / 0"])
async def test_a_single_statement_has_callbacks_as_a_transaction(database: Database, statement: str) -> None:
    called: list[str] = []

    async def work(tx: AsyncConnection) -> None:
        after_commit(tx, lambda: called.append("commit"))
        after_rollback(tx, lambda: called.append("rollback"))
        await tx.execute(text(statement))

    with contextlib.suppress(DBAPIError):
        await database.run_single(work)
    assert called == ["commit" if statement == "SELECT 1" else "rollback"]


async def test_a_pooled_connection_keeps_no_callback(database: Database) -> None:
    async with database.transaction() as tx:
        after_commit(tx, lambda: None)
        info = tx.info
    assert not [name for name in info if str(name).startswith("onboarding.")]
