"""The main job under load: starts over HTTP until the last evidence row is there."""

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg

from tests.bench.http_load import Connection, closed_loop, post
from tests.bench.usage import Written, cpu_seconds, difference, written
from tests.support.system import System

TASK = "bench.noop"
TENANTS_A_TOKEN = 100
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
    """A system under load, and one connection to look at its evidence."""

    def __init__(
        self,
        system: System,
        evidence: "asyncpg.Connection[Any]",
        first_tenant: int = NEW_TENANTS,
        *,
        runs_before: int = 0,
    ) -> None:
        """Each run is for another tenant, from ``first_tenant`` on; each of them has ``runs_before`` already."""
        self.system = system
        self._evidence = evidence
        self._tenants = itertools.count(first_tenant)
        self._runs_before = runs_before

    async def round(self, runs: int, clients: int) -> Round:
        """Start one run for each of ``runs`` new tenants, and wait for the evidence of all."""
        tenants = list(itertools.islice(self._tenants, runs))
        requests = self._requests(tenants)
        cpu, log = cpu_seconds(self.system), await written(self._evidence)
        began = time.perf_counter()
        accepted = await closed_loop(self.system.journal["session_api"], requests, clients=clients, expect=201)
        await self._until_recorded(tenants)
        total = time.perf_counter() - began
        await asyncio.sleep(1.0)  # confirmations and projections are part of a run's cost
        spent = difference(cpu_seconds(self.system), cpu)
        return Round(runs, accepted, total, spent, (await written(self._evidence)).since(log))

    async def latencies(self, count: int) -> list[float]:
        """Seconds from POST to evidence, for one run after the other on the idle system; sorted."""
        return sorted(run.seconds for run in await self.lone_runs(count))

    async def lone_runs(self, count: int) -> list[LoneRun]:
        """Runs for new tenants on the idle system, one after the other."""
        tenants = list(itertools.islice(self._tenants, count))
        connection = await Connection.open(self.system.journal["session_api"])
        query = "SELECT count(*) FROM evidence_heads WHERE tenant_id = $1 AND length > $2"
        runs: list[LoneRun] = []
        try:
            for tenant, raw in zip(tenants, self._requests(tenants), strict=True):
                posted_at, began = time.time(), time.perf_counter()
                await connection.request(raw)
                while not await self._evidence.fetchval(query, tenant, self._runs_before):
                    await asyncio.sleep(0.0005)
                runs.append(LoneRun(tenant, posted_at, time.perf_counter() - began))
                await asyncio.sleep(0.05)
        finally:
            connection.close()
        return runs

    def _requests(self, tenants: Sequence[int]) -> list[bytes]:
        requests: list[bytes] = []
        for begin in range(0, len(tenants), TENANTS_A_TOKEN):
            some = tenants[begin : begin + TENANTS_A_TOKEN]
            token = self.system.token(tenants=some)
            requests += [post(f"/tenants/{tenant}/onboarding/tasks/{TASK}/runs", token) for tenant in some]
        return requests

    async def _until_recorded(self, tenants: Sequence[int]) -> None:
        # Heads, because counting the evidence itself would take longer the more there is.
        query = "SELECT count(*) FROM evidence_heads WHERE tenant_id BETWEEN $1 AND $2 AND length > $3"
        deadline = time.monotonic() + TIMEOUT_SECONDS
        span = (tenants[0], tenants[-1], self._runs_before)
        while (count := await self._evidence.fetchval(query, *span)) < len(tenants):
            if time.monotonic() > deadline:
                raise TimeoutError(f"only {count} of {len(tenants)} runs left evidence within {TIMEOUT_SECONDS:.0f} s")
            await asyncio.sleep(0.01)
