"""Procrastinate on PostgreSQL: its ``queueing_lock`` guards the waiting run, its ``lock`` the running one.

A job is committed with its guard; there is no fencing and no message to others.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import procrastinate
import uvloop
from procrastinate.exceptions import AlreadyEnqueued

from tests.bench.peers.programs.edge import (
    ADD_EVIDENCE,
    DATABASE_URL,
    GuardError,
    Start,
    application,
    create_tables,
    open_pool,
    perform,
)

CONCURRENCY = 16
_WAITING_RUN = "SELECT id FROM procrastinate_jobs WHERE queueing_lock = $1 AND status = 'todo'"
_ATTEMPTS = 5

queue = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=DATABASE_URL, min_size=CONCURRENCY, max_size=CONCURRENCY)
)


@queue.task(name="perform", pass_context=True)
async def perform_run(context: procrastinate.JobContext, tenant_id: int, task_type: str) -> None:
    """Perform the task, then store its evidence."""
    status = await perform(task_type)
    pool = context.additional_context["pool"]
    await pool.execute(ADD_EVIDENCE, context.job.id, tenant_id, task_type, status)


@asynccontextmanager
async def peer(pool: "asyncpg.Pool[Any]") -> AsyncGenerator[Start]:
    """Starts that add a job, or name the one that waits."""

    async def start(tenant_id: int, task_type: str) -> int:
        key = f"{tenant_id}/{task_type}"
        task = perform_run.configure(queueing_lock=key, lock=key)
        for _ in range(_ATTEMPTS):
            try:
                return await task.defer_async(tenant_id=tenant_id, task_type=task_type)
            except AlreadyEnqueued:
                run_id = await pool.fetchval(_WAITING_RUN, key)
                if run_id is not None:
                    return int(run_id)
        raise GuardError

    async with queue.open_async():
        yield start


app = application(peer)


def prepare() -> None:
    """Create the tables of the evidence and of the queue."""
    uvloop.run(_create_tables())


def work() -> None:
    """Perform jobs until stopped; a new job's notification wakes the worker."""
    uvloop.run(_work())


async def _work() -> None:
    async with open_pool() as pool, queue.open_async():
        await queue.run_worker_async(concurrency=CONCURRENCY, additional_context={"pool": pool})


async def _create_tables() -> None:
    await create_tables()
    async with queue.open_async():
        await queue.schema_manager.apply_schema_async()
