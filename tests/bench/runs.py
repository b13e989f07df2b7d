"""The main job under load: starts over HTTP until the last evidence row is there."""

import asyncio
import itertools
import time
from typing import NamedTuple

from tests.bench.http_load import Connection, closed_loop
from tests.bench.target import Target
from tests.bench.usage import Written, difference

TIMEOUT_SECONDS = 120.0

NEW_TENANTS = 2_000_000_001
"""The lowest id of the tenants without any data."""


class Round(NamedTuple):
    """One round of load."""

    runs: int
    accept_seconds: float
    total_seconds: float
    cpu_seconds: dict[str, float]
    written: Written


class LoneRun(NamedTuple):
    """A run that was alone in the system: when its POST was sent, and the seconds until its evidence."""

    tenant: int
    posted_at: float
    seconds: float


class Bench:
    """Loads a system: each run is for another tenant, from ``first_tenant`` on."""

    def __init__(self, target: Target, first_tenant: int = NEW_TENANTS) -> None:
        self._target = target
        self._tenants = itertools.count(first_tenant)

    async def round(self, runs: int, clients: int) -> Round:
        """Start one run for each of ``runs`` new tenants, and wait for the evidence of all."""
        tenants = list(itertools.islice(self._tenants, runs))
        requests = self._target.requests(tenants)
        cpu, log = self._target.cpu_seconds(), await self._target.written()
        began = time.perf_counter()
        accepted = await closed_loop(self._target.urls, requests, clients=clients, expect=201)
        await self._until_recorded(tenants)
        total = time.perf_counter() - began
        await asyncio.sleep(1.0)  # confirmations and projections are part of a run's cost
        spent = difference(self._target.cpu_seconds(), cpu)
        return Round(runs, accepted, total, spent, (await self._target.written()).since(log))

    async def latencies(self, count: int) -> list[float]:
        """Seconds from POST to evidence, for one run after the other on the idle system; sorted."""
        return sorted(run.seconds for run in await self.lone_runs(count))

    async def lone_runs(self, count: int) -> list[LoneRun]:
        """Runs for new tenants on the idle system, one after the other."""
        tenants = list(itertools.islice(self._tenants, count))
        connection = await Connection.open(self._target.urls[0])
        runs: list[LoneRun] = []
        try:
            for tenant, raw in zip(tenants, self._target.requests(tenants), strict=True):
                posted_at, began = time.time(), time.perf_counter()
                await connection.request(raw)
                while not await self._target.recorded(tenant, tenant):
                    await asyncio.sleep(0.0005)
                runs.append(LoneRun(tenant, posted_at, time.perf_counter() - began))
                await asyncio.sleep(0.05)
        finally:
            connection.close()
        return runs

    async def _until_recorded(self, tenants: list[int]) -> None:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while (count := await self._target.recorded(tenants[0], tenants[-1])) < len(tenants):
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {count} of {len(tenants)} runs left evidence within {TIMEOUT_SECONDS:.0f} s")
            await asyncio.sleep(0.01)
