"""``make bench-fleet``: the twelve checks of many customers, against a Microsoft that takes time to answer.

A round starts every check of every customer over HTTP and ends when the last item of evidence is stored. A second
round has three sick customers besides: one that throttles, one that never answers, and one that answers very late.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from tests.bench.fleet_customers import SICK, Latency
from tests.bench.fleet_report import Fleet, failed, figures_of, show
from tests.bench.fleet_rounds import FleetBench, FleetRound, together
from tests.bench.report import machine
from tests.support.system import System, running_system

JSON = Path(".onboarding/bench-fleet.json")
FIRST_TENANT = 3_000_000_001
AS_IN_PRODUCTION = {
    "ONBOARDING_SILENCE_SECONDS": "20",
    "ONBOARDING_CONFIRM_SECONDS": "20",
    "ONBOARDING_LEASE_SECONDS": "30",
    "ONBOARDING_CALLER_REQUESTS_PER_MINUTE": "0",
}
"""The services' own defaults, which the embedded system shortens; and no limit for the one caller of all starts."""
PAUSE_SECONDS = 8.0
"""Longer than the time in which runs count as started together, so that a round reads everything anew."""


async def measure(system: System, options: argparse.Namespace) -> Fleet:
    """A short round that fills caches and pools; then rounds of the healthy customers alone and beside the sick.

    They take turns and change their order, so that what the machine does beside, and what earlier rounds left, falls
    on both.
    """
    bench = FleetBench(system, Latency(options.latency, options.jitter), clients=options.clients)
    tenants = range(FIRST_TENANT, FIRST_TENANT + options.customers)
    await bench.connect(tenants)
    sick = range(tenants[-1] + 1, tenants[-1] + 1 + len(SICK))
    await bench.connect(sick)
    await bench.round(tenants[: max(1, options.customers // 10)])
    healthy: list[FleetRound] = []
    beside: list[FleetRound] = []
    for number in range(2 * options.rounds):
        await asyncio.sleep(PAUSE_SECONDS)
        if number % 4 in (0, 3):
            healthy.append(await bench.round(tenants))
            continue
        await bench.make_sick(sick)
        beside.append(await bench.round(tenants, sick=sick))
        await bench.heal(sick)
    await bench.close()
    return Fleet(options.customers, options.concurrency, options.latency, together(healthy), together(beside))


def main() -> None:
    """Read the command line, start a system, measure it. Exits with 1 if a goal is missed and ``--strict`` is given."""
    parser = argparse.ArgumentParser(prog="make bench-fleet", description=__doc__)
    parser.add_argument("--customers", type=int, default=200, help="healthy customers (%(default)s)")
    parser.add_argument("--latency", type=int, default=150, help="ms that Microsoft takes to answer (%(default)s)")
    parser.add_argument("--jitter", type=int, default=50, help="ms by which that differs at most (%(default)s)")
    parser.add_argument("--clients", type=int, default=16, help="HTTP clients in a closed loop (%(default)s)")
    parser.add_argument("--concurrency", type=int, default=256, help="ONBOARDING_CONCURRENCY (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="rounds without and with the sick (%(default)s)")
    parser.add_argument("--json", type=Path, default=JSON, help="where to write (%(default)s)")
    parser.add_argument("--strict", action="store_true", help="fail if a goal is missed")
    options = parser.parse_args()
    os.environ["ONBOARDING_TEST_ENGINES"] = "embedded"
    with running_system(ONBOARDING_CONCURRENCY=str(options.concurrency), **AS_IN_PRODUCTION) as system:
        fleet = asyncio.run(measure(system, options))
    figures = figures_of(fleet)
    show(fleet, figures)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report = {"machine": machine(), "customers": options.customers, "figures": [figure._asdict() for figure in figures]}
    options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written to {options.json}")
    sys.exit(options.strict and failed(figures))


if __name__ == "__main__":
    main()
