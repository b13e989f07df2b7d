"""A start whose task kills every process that runs it."""

import asyncio

import httpx2
import pytest

from tests.support.ledger import mistakes
from tests.support.scraped import Scraped
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.system, pytest.mark.timeout(300)]

LOSSES = "SELECT losses FROM executions WHERE run_id = $1"
NEIGHBOURS = 3


async def test_it_kills_the_runner_twice_and_its_neighbours_go_on(system: System) -> None:
    pids = {system.pid("task-runner")}

    async def watch() -> None:
        while True:
            if (pid := system.journal.get("processes", {}).get("task-runner")) is not None:
                pids.add(int(pid))
            await asyncio.sleep(0.1)

    async with system.caller() as caller, system.caller() as neighbour:
        await neighbour.connect("slow", delay_seconds=0.5, times=1000)
        await caller.connect()
        watching = asyncio.create_task(watch())
        poison = await caller.start("example.poison")
        neighbours = []
        for _ in range(NEIGHBOURS):
            neighbours.append(await neighbour.start("example.upkeep"))
            assert (await neighbour.ended(neighbours[-1], seconds=90))["state"] == "succeeded"
        run = await caller.ended(poison, seconds=120)
        watching.cancel()

        assert (run["state"], run["result"]["reason_code"]) == ("failed", "LEASE_LOST")
        assert len(pids) == 1 + 2, "the third and the fourth process that it killed ran nothing else"
        assert await system.value("task_runner", LOSSES, poison) == 4
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as client:
            page = Scraped((await client.get(f"{system.journal['task_runner']}/metrics")).text)
        assert page.count("onboarding_isolated_processes_lost_total") == 2
        assert page.value("onboarding_run_wait_seconds_count", task_type="example.poison") == 2
        tenants = {poison: caller.tenant, **dict.fromkeys(neighbours, neighbour.tenant)}
        await eventually(lambda: mistakes(system, tenants), equals=[], seconds=30, every=0.2)
