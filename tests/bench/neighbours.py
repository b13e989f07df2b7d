"""``make bench-neighbours``: how much slower quiet tenants become beside noisy ones, in one run.

Two noisy customers, one whose tenant answers slowly and one that throttles, keep as many runs going as guards allow. A
heavy one has thousands of provider connections, half of them disabled, and starts what does not exist all the time.
Between rounds without and with them the times of the quiet tenants' runs are compared, by the databases' clock.
"""

import argparse
import asyncio
import itertools
import json
import math
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.bench.report import machine
from tests.bench.system import bench_system
from tests.support.caller import Caller
from tests.support.system import System
from tests.support.waiting import eventually

JSON = Path(".onboarding/bench-neighbours.json")
LIMIT = 1.5
QUIET_TENANTS = 40
QUIET_TASK = "license.inventory"
NOISY_CONNECTIONS = 20
NOISY_TASKS = ("graph.connectivity", "license.inventory", "identity.baseline", "identity.global_admins")
NOISE = {"slow": {"delay_seconds": 3.0}, "throttling": {"retry_after": 2.0}}
NOISY_STARTS_A_SECOND = 6.0
FILL_SECONDS = 4.0
DRAIN_SECONDS = 120.0
HEAVY_CONNECTIONS = 5000
HEAVY_STARTS_A_SECOND = 20.0

STARTED = "SELECT id, created_at FROM operation_runs WHERE id = ANY($1::bigint[])"
RECORDED = "SELECT run_id, recorded_at FROM evidence WHERE run_id = ANY($1::bigint[])"
ACTIVE = "SELECT count(*) FROM executions WHERE finished_at IS NULL"
COPY = """
INSERT INTO provider_connections (tenant_id, creation_key, provider, display_name, external_tenant_id, client_id,
                                  credential_ref, cloud, created_by_user_id, disabled_at)
SELECT tenant_id, gen_random_uuid(), provider, display_name, external_tenant_id, client_id, credential_ref, cloud,
       created_by_user_id, CASE WHEN $3 AND number % 2 = 0 THEN now() END
FROM provider_connections, generate_series(1, $2::int) AS number WHERE id = $1
RETURNING id"""
"""Copies of a connection. The API makes none, because they are equal, but each has a guard of its own."""
UNDER_WAY = "SELECT count(*) FROM executions WHERE state = 'running' AND tenant_id = ANY($1::bigint[])"


class Times(NamedTuple):
    """Milliseconds from the acceptance of a quiet run to its evidence, those until its start was answered, and how many
    noisy runs were under way."""

    runs: int
    p50: float
    p99: float
    answered_p50: float
    answered_p99: float
    noise: float


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that so large a share of them does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


class Neighbours:
    """Quiet tenants with a steady load, and noisy ones that can be let loose."""

    def __init__(self, system: System, *, rate: float) -> None:
        self._system = system
        self._rate = rate
        self._quiet = [system.caller() for _ in range(QUIET_TENANTS)]
        self._noisy = [system.caller() for _ in NOISE]
        self._heavy = system.caller()
        self._starts: list[tuple[Caller, dict[str, int], str]] = []
        self._answered: list[float] = []

    async def connect(self) -> None:
        """Give everybody a customer's tenant; a noisy one has it behind many connections, for many runs at once."""
        for caller in self._quiet:
            await caller.connect("healthy")
        for caller, (behaviour, control) in zip(self._noisy, NOISE.items(), strict=True):
            first = await caller.connect(behaviour, **control)
            connections = [first, *await self._copies(first, NOISY_CONNECTIONS - 1, half_disabled=False)]
            self._starts += [
                (caller, {"provider_connection_id": connection_id}, task)
                for connection_id in connections
                for task in NOISY_TASKS
            ]

        await self._copies(await self._heavy.connect("healthy"), HEAVY_CONNECTIONS, half_disabled=True)

    async def _copies(self, connection_id: int, count: int, *, half_disabled: bool) -> list[int]:
        rows = await self._system.rows("session_api", COPY, connection_id, count, half_disabled)
        return [row["id"] for row in rows]

    async def quiet(self, seconds: float) -> list[int]:
        """Start quiet runs at a steady rate, whatever becomes of them; returns their ids."""
        pace = itertools.count()
        began = asyncio.get_running_loop().time()
        starts: list[asyncio.Task[int]] = []
        for caller in self._turns(seconds):
            starts.append(asyncio.create_task(self._start(caller)))
            await asyncio.sleep(began + (next(pace) + 1) / self._rate - asyncio.get_running_loop().time())
        return list(await asyncio.gather(*starts))

    async def _start(self, caller: Caller) -> int:
        began = asyncio.get_running_loop().time()
        run_id = await caller.start(QUIET_TASK)
        self._answered.append(1000 * (asyncio.get_running_loop().time() - began))
        return run_id

    def _turns(self, seconds: float) -> Iterator[Caller]:
        return itertools.islice(itertools.cycle(self._quiet), int(seconds * self._rate))

    async def noise(self) -> None:
        """Fill the queue with noisy runs, and keep it full: what ended is started again.

        No faster than that, because how many requests a caller sends to the API is the business of a gateway.
        """
        pauses = itertools.repeat(FILL_SECONDS / len(self._starts), len(self._starts))
        for caller, body, task in itertools.cycle(self._starts):
            await caller.post(f"/tasks/{task}/runs", json=body)
            await asyncio.sleep(next(pauses, 1 / NOISY_STARTS_A_SECOND))

    async def heaviness(self) -> None:
        """Start what does not exist in the tenant with many connections, at a steady rate."""
        while True:
            await self._heavy.post("/tasks/no.such.task/runs", json={})
            await asyncio.sleep(1 / HEAVY_STARTS_A_SECOND)

    async def times(self, runs: Sequence[int], noise: Sequence[int]) -> Times:
        """Wait for the evidence of these runs and compare its time with that of their start."""

        async def all_recorded() -> bool:
            return len(await self._system.rows("evidence_store", RECORDED, list(runs))) == len(runs)

        await eventually(all_recorded, seconds=DRAIN_SECONDS, every=0.2)
        started = {row["id"]: row["created_at"] for row in await self._system.rows("session_api", STARTED, list(runs))}
        recorded = await self._system.rows("evidence_store", RECORDED, list(runs))
        took = [1000 * (row["recorded_at"] - started[row["run_id"]]).total_seconds() for row in recorded]
        answered = self._answered
        return Times(
            runs=len(took),
            p50=percentile(took, 0.5),
            p99=percentile(took, 0.99),
            answered_p50=percentile(answered, 0.5),
            answered_p99=percentile(answered, 0.99),
            noise=sum(noise) / max(1, len(noise)),
        )

    async def round(self, seconds: float, *, noisy: bool) -> tuple[list[int], list[int]]:
        """The quiet runs of one round, and how many noisy ones were under way, looked at every second."""
        counted: list[int] = []
        self._answered = []
        noise: list[asyncio.Task[None]] = []
        if noisy:
            noise = [asyncio.create_task(work) for work in (self.noise(), self.heaviness(), self._count(counted))]
            await asyncio.sleep(2 * FILL_SECONDS)
        try:
            return await self.quiet(seconds), counted
        finally:
            for task in noise:
                task.cancel()
            await asyncio.gather(*noise, return_exceptions=True)

    async def _count(self, counted: list[int]) -> None:
        tenants = [caller.tenant for caller in self._noisy]
        while True:
            await asyncio.sleep(1.0)
            counted.append(await self._system.value("task_runner", UNDER_WAY, tenants))

    async def drain(self) -> None:
        """Wait until nothing noisy is under way."""
        for caller in self._noisy:
            await caller.behave("healthy")
        active = "SELECT count(*) FROM executions WHERE finished_at IS NULL"
        await eventually(lambda: self._system.value("task_runner", active), equals=0, seconds=DRAIN_SECONDS, every=0.2)
        for caller, (behaviour, control) in zip(self._noisy, NOISE.items(), strict=True):
            await caller.behave(behaviour, **control)

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(caller.http.aclose() for caller in (*self._quiet, *self._noisy, self._heavy)))


async def measure(system: System, options: argparse.Namespace) -> dict[str, list[Times]]:
    """Rounds without and with noise in turn, so that what the machine does beside falls on both."""
    neighbours = Neighbours(system, rate=options.rate)
    await neighbours.connect()
    for noisy in (False, True):  # fills caches and pools, the noisy tenants' too
        await neighbours.round(options.seconds / 2, noisy=noisy)
        await neighbours.drain()
    rounds: dict[str, list[Times]] = {"without": [], "with": []}
    for _ in range(options.rounds):
        for name, times in rounds.items():
            runs, counted = await neighbours.round(options.seconds, noisy=name == "with")
            times.append(await neighbours.times(runs, counted))
            await neighbours.drain()
    await neighbours.close()
    return rounds


def typical(rounds: Sequence[Times]) -> Times:
    """The median of each figure, so that one disturbed round decides nothing; all runs are counted."""
    runs, *figures = zip(*rounds, strict=True)
    return Times(sum(runs), *(statistics.median(values) for values in figures))


def show(times: dict[str, Times], ratio: float) -> None:
    """Both rows, and the verdict."""
    table = Table(
        "noisy neighbours", "quiet runs", "p50, ms", "p99, ms", "start p50, ms", "start p99, ms", "noisy runs",
        title=machine(), caption=f"the worse p99 with neighbours is {ratio:.2f} times that without; limit: {LIMIT}",
    )  # fmt: skip
    for name, typical_round in times.items():
        table.add_row(
            name,
            f"{typical_round.runs:,}",
            f"{typical_round.p50:,.0f}",
            f"{typical_round.p99:,.0f}",
            f"{typical_round.answered_p50:,.1f}",
            f"{typical_round.answered_p99:,.1f}",
            f"{typical_round.noise:,.1f}",
        )
    Console(width=100).print(table)


def main() -> None:
    """Read the command line, start a system, measure it. Exits with 1 above the limit."""
    parser = argparse.ArgumentParser(prog="make bench-neighbours", description=__doc__)
    parser.add_argument("--seconds", type=float, default=12.0, help="length of a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds without and with noise (%(default)s)")
    parser.add_argument("--rate", type=float, default=15.0, help="quiet runs a second (%(default)s)")
    parser.add_argument("--json", type=Path, default=JSON, help="where to write (%(default)s)")
    options = parser.parse_args()
    with bench_system() as system:
        rounds = asyncio.run(measure(system, options))
    times = {name: typical(some) for name, some in rounds.items()}
    ratio = max(times["with"].p99 / times["without"].p99, times["with"].answered_p99 / times["without"].answered_p99)
    show(times, ratio)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine(),
        "ratio": ratio,
        "rounds": {name: [measured._asdict() for measured in some] for name, some in rounds.items()},
    }
    options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written to {options.json}")
    sys.exit(ratio > LIMIT)


if __name__ == "__main__":
    main()
