"""Arrays are handed to PostgreSQL without a call of a Python function for each of their elements."""

import uuid
from datetime import UTC, datetime
from typing import Any

import asyncpg.protocol.protocol as asyncpg_protocol
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from onboarding_shared.postgres.array_parameters import ARRAY_TYPES
from onboarding_shared.postgres.database import Database
from tests.support.function_calls import CountedCalls

ECHO = text("""
SELECT CAST(:numbers AS bigint[]) AS numbers, CAST(:texts AS text[]) AS texts, CAST(:ids AS uuid[]) AS ids,
       CAST(:data AS bytea[]) AS data, CAST(:times AS timestamptz[]) AS times, CAST(:table AS bigint[]) AS table
""")
LENGTH = text("SELECT cardinality(CAST(:numbers AS bigint[])) + cardinality(CAST(:texts AS text[]))")


async def calls_with(database: Database, length: int) -> int:
    """The number of Python functions that are called for a statement with two arrays of this length."""
    values = {"numbers": list(range(length)), "texts": ["text"] * length}
    async with database.transaction() as tx:
        await tx.execute(LENGTH, values)
        with CountedCalls() as calls:
            counted = (await tx.execute(LENGTH, values)).scalar_one()
    assert counted == 2 * length
    return calls.total


async def test_longer_arrays_call_no_more_functions(database: Database) -> None:
    short = await calls_with(database, 10)

    assert await calls_with(database, 1000) <= short + 20


async def test_arrays_arrive_as_they_were_handed_over(database: Database) -> None:
    values: dict[str, Any] = {
        "numbers": [1, None, 2**63 - 1],
        "texts": ['a,"b"', None, "{}", "\\", ""],
        "ids": [uuid.UUID(int=1), None],
        "data": [b"\x00\xff", None, b""],
        "times": [datetime(2026, 1, 2, tzinfo=UTC), None],
        "table": [[1, 2], [3, 4]],
    }

    async with database.transaction() as tx:
        row = (await tx.execute(ECHO, values)).one()

    assert row._asdict() == values


async def test_what_is_no_array_is_refused(database: Database) -> None:
    with pytest.raises(DBAPIError, match="a sized iterable container expected"):
        async with database.transaction() as tx:
            await tx.execute(LENGTH, {"numbers": {1: 2}, "texts": []})


async def test_asyncpg_reads_the_replaced_name(database: Database) -> None:
    names = {"IterableABC", "SizedABC", "MappingABC"}

    assert names <= set(vars(asyncpg_protocol))
    assert asyncpg_protocol.IterableABC == ARRAY_TYPES  # pyrefly: ignore[missing-attribute]
