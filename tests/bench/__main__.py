"""``make bench``: the embedded system under load, and beside it the limits of its parts, in one run.

Wall time on a shared machine varies; compare figures of one run with each other, and ratios between runs.
"""

import argparse
import asyncio
import time
from pathlib import Path

import asyncpg

from onboarding_devstack.system import SERVICES
from tests.bench import limits, report
from tests.bench.runs import Bench
from tests.bench.stages import show_stages
from tests.bench.system import bench_system
from tests.bench.target import Onboarding
from tests.bench.usage import cpu_seconds, difference, resident_megabytes
from tests.support.system import System

SETTLE_SECONDS = 12.0
IDLE_SECONDS = 10.0
MESSAGES_A_RUN = 3
JSON = Path(".onboarding/bench.json")


async def idle_shares(system: System) -> dict[str, float]:
    """Process name → share of one core that it uses while nothing is to be done."""
    await asyncio.sleep(SETTLE_SECONDS)
    before, began = cpu_seconds(system), time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    passed = time.perf_counter() - began
    return {name: spent / passed for name, spent in difference(cpu_seconds(system), before).items()}


async def measure(system: System, options: argparse.Namespace) -> None:
    """Everything, in an order in which nothing disturbs the next."""
    evidence = await asyncpg.connect(system.journal["databases"]["evidence_store"])
    bench = Bench(Onboarding(system, evidence))
    if options.where:
        await show_stages(system, bench, options.samples)
        await evidence.close()
        return
    await bench.round(options.runs // 4, options.clients)  # fills caches and pools
    rounds = [await bench.round(options.runs, options.clients) for _ in range(options.rounds)]
    latencies = await bench.latencies(options.samples)
    memory = resident_megabytes(system)
    shares = await idle_shares(system)
    await evidence.close()

    commits = await asyncio.to_thread(limits.commits_per_second, system, options.clients)
    requests = await limits.requests_per_second(options.clients)
    records = await limits.records_per_second(system)

    figures = [
        *report.of_rounds(rounds, options.clients),
        *report.of_latencies(latencies),
        *report.of_idle(shares, memory, SERVICES),
        report.Figure("limit: pgbench, one-row commits", commits, "1/s"),
        report.Figure("limit: Litestar without work", requests, "1/s"),
        report.Figure("limit: aiokafka, one producer and consumer", records, "1/s"),
    ]
    runs, starts = figures[0].value, figures[1].value
    ratios = {
        "runs/s to one-row commits/s": runs / commits,
        "accepted starts/s to requests of an empty Litestar": starts / requests,
        "messages/s (3 a run) to raw records/s": MESSAGES_A_RUN * runs / records,
    }
    every = ", ".join(f"{result.runs / result.total_seconds:,.0f}" for result in rounds)
    report.show(figures, ratios, f"median of {options.rounds} rounds of {options.runs} runs; runs/s of each: {every}")
    report.write(options.json, figures, ratios, rounds=[result._asdict() for result in rounds], latencies=latencies)
    print(f"written to {options.json}")


def main() -> None:
    """Read the command line, start a system, measure it."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000, help="runs in a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (%(default)s)")
    parser.add_argument("--clients", type=int, default=32, help="HTTP clients in a closed loop (%(default)s)")
    parser.add_argument("--samples", type=int, default=200, help="runs to measure the latency with (%(default)s)")
    parser.add_argument("--where", action="store_true", help="only show where a run without other load waits")
    parser.add_argument(
        "--json", type=Path, default=Path(".onboarding/bench.json"), help="where to write (%(default)s)"
    )
    options = parser.parse_args()
    with bench_system() as system:
        asyncio.run(measure(system, options))


if __name__ == "__main__":
    main()
