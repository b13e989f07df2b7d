"""Two processes of every service on the same databases and broker."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.support.extra_process import Extra, extra_process
from tests.support.ledger import mistakes
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

RUNS = 60
WORKERS = "SELECT DISTINCT worker FROM executions WHERE run_id = ANY($1::bigint[]) AND worker IS NOT NULL"
ENDS = "SELECT DISTINCT state FROM operation_runs WHERE id = ANY($1::bigint[])"


@pytest.fixture
async def second(system: System, tmp_path: Path) -> AsyncIterator[dict[str, Extra]]:
    """The second process of each service, ready."""
    async with AsyncExitStack() as stack:
        extras = {
            name: stack.enter_context(extra_process(system, name, tmp_path))
            for name in ("evidence-store", "task-runner", "session-api")
        }
        for extra in extras.values():
            await extra.wait_ready()
        yield extras


async def test_runs_that_are_spread_over_two_of_each_all_end_with_one_item_of_evidence(
    system: System, second: dict[str, Extra]
) -> None:
    urls = (system.journal["session_api"], second["session-api"].url)
    callers = [system.caller(url=urls[number % 2]) for number in range(RUNS)]
    await asyncio.gather(*(caller.connect("slow", delay_seconds=1.0) for caller in callers))
    started = await asyncio.gather(*(caller.start("graph.connectivity") for caller in callers))
    accepted = {run_id: caller.tenant for run_id, caller in zip(started, callers, strict=True)}
    workers: set[str] = set()

    async def both_work() -> bool:
        workers.update(row["worker"] for row in await system.rows("task_runner", WORKERS, list(accepted)))
        return len(workers) == 2

    assert len(accepted) == RUNS
    await eventually(both_work)
    await eventually(lambda: mistakes(system, accepted), equals=[], seconds=60, every=0.5)
    ends = await system.rows("session_api", ENDS, list(accepted))
    assert {row["state"] for row in ends} == {"succeeded"}
    for caller in callers:
        await caller.http.aclose()


async def test_identical_starts_through_both_doors_make_one_run(system: System, second: dict[str, Extra]) -> None:
    async with system.caller() as here, system.caller(here.tenant, url=second["session-api"].url) as there:
        await here.connect("slow", delay_seconds=1.0)
        answers = await asyncio.gather(
            *(caller.post("/tasks/graph.connectivity/runs") for _ in range(25) for caller in (here, there))
        )

        assert Counter(answer.status_code for answer in answers) == {201: 50}
        assert Counter(answer.json()["outcome"] for answer in answers) == {"created": 1, "reused": 49}
        assert len({answer.json()["run_id"] for answer in answers}) == 1


async def test_one_of_two_may_leave_in_the_middle_of_the_work(system: System, second: dict[str, Extra]) -> None:
    callers = [system.caller() for _ in range(20)]
    await asyncio.gather(*(caller.connect("slow", delay_seconds=0.5) for caller in callers))
    started = await asyncio.gather(*(caller.start("graph.connectivity") for caller in callers))
    accepted = {run_id: caller.tenant for run_id, caller in zip(started, callers, strict=True)}
    codes = await asyncio.gather(*(asyncio.to_thread(extra.stop) for extra in second.values()))

    assert set(codes) == {0}
    await eventually(lambda: mistakes(system, accepted), equals=[], seconds=60, every=0.5)
    for caller in callers:
        await caller.http.aclose()
