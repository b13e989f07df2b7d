"""The waits of an unloaded run: the stages from POST to evidence, by the times in the three databases and on Kafka.

A time of a database is that at which its transaction began; a time of a record is that at which its producer took it.
"""

import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer
from rich.console import Console
from rich.table import Table

from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_COMMANDS
from tests.bench.runs import Bench
from tests.support.system import System

STAGES = (
    ("POST", "transaction of the start"),
    ("transaction of the start", "StartTask sent"),
    ("StartTask sent", "transaction of the intake"),
    ("transaction of the intake", "transaction of the claim"),
    ("transaction of the claim", "transaction of the result"),
    ("transaction of the result", "RunFinished sent"),
    ("RunFinished sent", "transaction of the evidence"),
    ("transaction of the evidence", "evidence seen"),
    ("POST", "evidence seen"),
)
Moments = dict[str, float]
"""Name of a moment → seconds since 1970."""

_QUERIES = {
    "session_api": "SELECT tenant_id, created_at AS \"transaction of the start\" FROM operation_runs",
    "task_runner": "SELECT tenant_id, created_at AS \"transaction of the intake\","
    " started_at AS \"transaction of the claim\", finished_at AS \"transaction of the result\" FROM executions",
    "evidence_store": "SELECT tenant_id, recorded_at AS \"transaction of the evidence\" FROM evidence",
}  # fmt: skip


async def show_stages(system: System, bench: Bench, samples: int) -> None:
    """Start one run after the other, and print the durations of its stages."""
    await bench.latencies(samples // 4)  # fills caches and pools
    began = time.time()
    moments: dict[int, Moments] = {
        run.tenant: {"POST": run.posted_at, "evidence seen": run.posted_at + run.seconds}
        for run in await bench.lone_runs(samples)
    }
    for database, query in _QUERIES.items():
        await _read_database(system.journal["databases"][database], query, moments)
    await _read_topics(system.journal["kafka"], began, moments)
    _print(moments.values(), samples)


async def _read_database(url: str, query: str, moments: Mapping[int, Moments]) -> None:
    connection = await asyncpg.connect(url)
    try:
        rows: list[Any] = await connection.fetch(f"{query} WHERE tenant_id = ANY($1)", list(moments))
    finally:
        await connection.close()
    for row in rows:
        named = dict(row)
        of_run = moments[named.pop("tenant_id")]
        of_run.update({name: moment.timestamp() for name, moment in named.items()})


async def _read_topics(kafka: str, began: float, moments: Mapping[int, Moments]) -> None:
    names = {"org.onboarding.StartTask.v1": "StartTask sent", "org.onboarding.RunFinished.v1": "RunFinished sent"}
    consumer = AIOKafkaConsumer(
        TASK_COMMANDS.name, OPERATION_RUNS.name, bootstrap_servers=kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        while fetched := await consumer.getmany(timeout_ms=1_000):
            for record in (record for records in fetched.values() for record in records):
                headers = dict(record.headers)
                name = names.get(headers["ce_type"].decode())
                if name is not None and record.timestamp >= 1000 * began:
                    moments[int(record.key or b"")][name] = record.timestamp / 1000
    finally:
        await consumer.stop()


def _print(runs: Iterable[Moments], samples: int) -> None:
    complete = [moments for moments in runs if all(name in moments for stage in STAGES for name in stage)]
    table = Table("from", "to", "p50 ms", "p90 ms", title=f"{len(complete)} of {samples} runs, one after the other")
    for begin, end in STAGES:
        durations = sorted(1000 * (moments[end] - moments[begin]) for moments in complete)
        table.add_row(begin, end, f"{statistics.median(durations):.1f}", f"{_ninth_decile(durations):.1f}")
    Console(width=118).print(table)


def _ninth_decile(durations: Sequence[float]) -> float:
    return durations[int(len(durations) * 0.9)]
