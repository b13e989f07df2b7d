"""taskiq on Kafka, with a guard in PostgreSQL: what it commits and what it sends are two writes.

A crash between the two loses the run; there is no lease and no fencing.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.partitioner import DefaultPartitioner
from taskiq import TaskiqEvents, TaskiqState
from taskiq_aio_kafka import AioKafkaBroker

from tests.bench.peers.programs.edge import (
    BROKER,
    FINISH_RUN,
    Start,
    add_run,
    application,
    create_tables,
    open_pool,
    perform,
)

queue = AioKafkaBroker(bootstrap_servers=BROKER, kafka_topic="onboarding")
# The partitioner and the assignor that taskiq-aio-kafka takes by default are those of kafka-python 3, which aiokafka
# cannot call. The embedded broker knows no idempotent producers; the wait of a fetch is that of our own consumers.
queue.configure_producer(acks=1, enable_idempotence=False, partitioner=DefaultPartitioner())
queue.configure_consumer(
    group_id="onboarding",
    auto_offset_reset="earliest",
    fetch_max_wait_ms=20,
    partition_assignment_strategy=(RoundRobinPartitionAssignor,),
)


@queue.on_event(TaskiqEvents.WORKER_STARTUP)
async def connect(state: TaskiqState) -> None:
    """Open the worker's connections."""
    state.pool = await open_pool()


@queue.task(task_name="perform")
async def perform_run(run_id: int, tenant_id: int, task_type: str) -> None:
    """Perform the task, then store its evidence and release the guard."""
    status = await perform(task_type)
    await queue.state.pool.execute(FINISH_RUN, run_id, tenant_id, task_type, status)


@asynccontextmanager
async def peer(pool: "asyncpg.Pool[Any]") -> AsyncGenerator[Start]:
    """Starts that commit the guard, then send the task."""
    await queue.startup()

    async def start(tenant_id: int, task_type: str) -> int:
        run_id, is_new = await add_run(pool, tenant_id, task_type)
        if is_new:
            await perform_run.kiq(run_id, tenant_id, task_type)
        return run_id

    try:
        yield start
    finally:
        await queue.shutdown()


app = application(peer)


def prepare() -> None:
    """Create the tables; the worker creates the topic."""
    asyncio.run(create_tables())
