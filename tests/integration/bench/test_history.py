"""The past that a benchmark stores, in the tables of the services."""

from typing import Any

import asyncpg
import pytest

from tests.bench import history
from tests.support.databases import Server

DATABASES = ("session_api", "task_runner", "evidence_store")


@pytest.fixture
def templates(postgres_server: Server) -> dict[str, str]:
    """Service → a migrated database."""
    return {name: postgres_server.migrated_template(f"{name}.store.migrations") for name in DATABASES}


async def test_the_three_databases_know_the_same_runs_across_portions(
    postgres_server: Server, templates: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    urls = {name: await postgres_server.copy_of(template) for name, template in templates.items()}

    async def connect(_: Any, database: str) -> "asyncpg.Connection[Any]":
        return await asyncpg.connect(postgres_server.superuser_url(urls[database]))

    async def rows(database: str, query: str) -> list[tuple[Any, ...]]:
        connection = await connect(None, database)
        fetched = await connection.fetch(query)
        await connection.close()
        return [tuple(row) for row in fetched]

    monkeypatch.setattr(history, "_connect", connect)
    monkeypatch.setattr(history, "TENANTS_A_PORTION", 3)
    monkeypatch.setattr(history, "MANY_TENANTS", 4)
    system: Any = None
    await history.add_history(system, 101, 4)
    await history.add_history(system, 201, 8)

    runs = await rows("session_api", "SELECT tenant_id, id FROM operation_runs ORDER BY 1, 2")
    assert len(runs) == 120
    assert await rows("task_runner", "SELECT tenant_id, run_id FROM executions ORDER BY 1, 2") == runs
    assert await rows("evidence_store", "SELECT tenant_id, run_id FROM evidence ORDER BY 1, 2") == runs
    sizes = "SELECT tenant_id < 200, length(record), count(*) FROM evidence GROUP BY 1, 2 ORDER BY 1"
    assert await rows("evidence_store", sizes) == [(False, 60, 80), (True, 600, 40)]
    broken = (
        "SELECT count(*) FROM evidence AS later JOIN evidence AS earlier ON earlier.tenant_id = later.tenant_id"
        " AND earlier.position = later.position - 1 WHERE later.previous_seal <> earlier.seal"
    )
    assert await rows("evidence_store", broken) == [(0,)]
