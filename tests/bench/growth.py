"""``make bench-growth``: the same load with a hundred thousand and a million runs and evidence rows already there.

The curve must be flat. The tenants of the load have a past of their own, so nothing is measured on empty ground.
"""

import argparse
import asyncio
import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
from rich.console import Console
from rich.table import Table

from tests.bench.history import RUNS_A_TENANT, add_history
from tests.bench.report import machine
from tests.bench.runs import NEW_TENANTS, Bench
from tests.bench.system import bench_system
from tests.bench.target import Onboarding
from tests.support.system import System

WITH_A_PAST = 1_000_000_001
JSON = Path(".onboarding/bench-growth.json")
LIMIT = 1.2


class Level(NamedTuple):
    """The measurements with a number of runs already stored."""

    runs_there: int
    runs_per_second: float
    cpu_milliseconds: float
    write_transactions: float
    p50_milliseconds: float


async def level(system: System, runs_there: int, first_tenant: int, options: argparse.Namespace) -> Level:
    """Measure the load on tenants from ``first_tenant`` on."""
    evidence = await asyncpg.connect(system.journal["databases"]["evidence_store"])
    target = Onboarding(system, evidence, runs_before=RUNS_A_TENANT if runs_there else 0)
    bench = Bench(target, first_tenant)
    await bench.round(options.round // 4, 32)
    rounds = [await bench.round(options.round, 32) for _ in range(options.rounds)]
    latencies = await bench.latencies(options.samples)
    await evidence.close()

    def median(value: Any) -> float:
        return statistics.median(value(bench_round) for bench_round in rounds)

    return Level(
        runs_there,
        median(lambda bench_round: bench_round.runs / bench_round.total_seconds),
        median(lambda bench_round: 1000 * sum(bench_round.cpu_seconds.values()) / bench_round.runs),
        median(lambda bench_round: bench_round.written.transactions / bench_round.runs),
        1000 * latencies[len(latencies) // 2],
    )


async def measure(system: System, options: argparse.Namespace) -> list[Level]:
    """Empty first, then more and more."""
    levels = [await level(system, 0, NEW_TENANTS, options)]
    there = 0
    for size in options.runs:
        first = WITH_A_PAST + there // RUNS_A_TENANT
        await add_history(system, first, (size - there) // RUNS_A_TENANT)
        there = size
        levels.append(await level(system, there, first, options))
    return levels


def show(levels: Sequence[Level]) -> None:
    """Each level beside what it is to the first one; above 1 is worse."""
    table = Table(
        "runs there",
        "runs/s",
        "CPU ms/run",
        "write transactions/run",
        "POST to evidence p50, ms",
        title=machine(),
        caption=f"in brackets: how many times worse than empty; the limit is {LIMIT}",
    )
    empty = levels[0]
    for measured in levels:
        worse = [empty.runs_per_second / measured.runs_per_second] + [
            now / before for now, before in zip(measured[2:], empty[2:], strict=True)
        ]
        table.add_row(
            f"{measured.runs_there:,}",
            *[f"{value:,.4g} ({ratio:.2f})" for value, ratio in zip(measured[1:], worse, strict=True)],
        )
    Console(width=118).print(table)


def options_of(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options on the command line, or in ``arguments``."""
    parser = argparse.ArgumentParser(prog="make bench-growth", description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[100_000, 1_000_000], help="runs there (%(default)s)")
    parser.add_argument("--round", type=int, default=1500, help="runs in a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds (%(default)s)")
    parser.add_argument("--samples", type=int, default=100, help="runs to measure the latency with (%(default)s)")
    parser.add_argument("--json", type=Path, default=JSON, help="where to write (%(default)s)")
    return parser.parse_args(arguments)


def main() -> None:
    """Start a system, fill and measure it."""
    options = options_of()
    with bench_system() as system:
        levels = asyncio.run(measure(system, options))
    show(levels)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine(), "levels": [measured._asdict() for measured in levels]}
    options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written to {options.json}")


if __name__ == "__main__":
    main()
