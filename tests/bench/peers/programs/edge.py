"""The parts that the programs share: the HTTP interface, the tables, and a guard in PostgreSQL."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
from litestar import Litestar, post
from litestar.datastructures import State

DATABASE_URL = os.environ["PEER_DATABASE_URL"]
BROKER = os.environ.get("PEER_BROKER", "")
CONNECTIONS = 8

Start = Callable[[int, str], Awaitable[int]]
"""From tenant and task type to the id of the run."""
Peer = Callable[["asyncpg.Pool[Any]"], AbstractAsyncContextManager[Start]]

_SCHEMA = """
CREATE TABLE evidence (
    run_id bigint PRIMARY KEY,
    tenant_id bigint NOT NULL,
    task_type text NOT NULL,
    status text NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX evidence_by_task ON evidence (tenant_id, task_type);
CREATE TABLE runs (
    run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id bigint NOT NULL,
    task_type text NOT NULL,
    status text NOT NULL DEFAULT 'active',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX runs_one_active ON runs (tenant_id, task_type) WHERE status = 'active';
"""
ADD_EVIDENCE = (
    "INSERT INTO evidence (run_id, tenant_id, task_type, status) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (run_id) DO NOTHING"
)
FINISH_RUN = f"WITH added AS ({ADD_EVIDENCE}) UPDATE runs SET status = 'done' WHERE run_id = $1"
"""Evidence and the release of the guard in one statement, and so in one commit."""
_ADD_RUN = """
INSERT INTO runs (tenant_id, task_type) VALUES ($1, $2)
ON CONFLICT (tenant_id, task_type) WHERE status = 'active' DO NOTHING RETURNING run_id
"""
_ACTIVE_RUN = "SELECT run_id FROM runs WHERE tenant_id = $1 AND task_type = $2 AND status = 'active'"
_ATTEMPTS = 5


class GuardError(Exception):
    """The active run changed with each attempt."""


async def create_tables() -> None:
    """Create the tables of the guard and of the evidence in an empty database."""
    connection = await asyncpg.connect(DATABASE_URL)
    await connection.execute(_SCHEMA)
    await connection.close()


def open_pool() -> "asyncpg.Pool[Any]":
    """Connections of a process to its database; use with ``async with`` or ``await``."""
    return asyncpg.create_pool(DATABASE_URL, min_size=CONNECTIONS, max_size=CONNECTIONS)


async def perform(task_type: str) -> str:
    """The task, which does nothing; its status."""
    return "ok"


async def add_run(pool: "asyncpg.Pool[Any]", tenant_id: int, task_type: str) -> tuple[int, bool]:
    """The id of the tenant's active run, and whether it is a new one."""
    for _ in range(_ATTEMPTS):
        run_id = await pool.fetchval(_ADD_RUN, tenant_id, task_type)
        if run_id is not None:
            return run_id, True
        run_id = await pool.fetchval(_ACTIVE_RUN, tenant_id, task_type)
        if run_id is not None:
            return run_id, False
    raise GuardError


def application(peer: Peer) -> Litestar:
    """The HTTP interface of a program: the start of a run."""

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        async with open_pool() as pool, peer(pool) as start:
            app.state.start = start
            yield

    @post("/tenants/{tenant_id:int}/onboarding/tasks/{task_type:str}/runs")
    async def start_run(tenant_id: int, task_type: str, state: State) -> dict[str, int]:
        return {"run_id": await state.start(tenant_id, task_type)}

    return Litestar([start_run], lifespan=[lifespan], openapi_config=None, logging_config=None)
