"""Any container may die at any time: it comes back, and every accepted run ends with one item of evidence."""

import asyncio
import time

import pytest

from tests.fault.stream import Accepted, close, connected_callers, start_one_by_one
from tests.support.composed import Composed, run
from tests.support.ledger import mistakes
from tests.support.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.fault, pytest.mark.timeout(1200)]

STARTS = 20
END_SECONDS = 150.0
SWEEPS_SECONDS = 9.0
UNDER_WAY = "SELECT count(*) FROM executions WHERE state = 'running' AND tenant_id = ANY($1::bigint[])"
ALL = ("postgres", "kafka", "graph", "session-api", "task-runner", "evidence-store")


@pytest.mark.parametrize("names", [*((name,) for name in ALL), ALL], ids="+".join)
async def test_every_accepted_run_ends_when_these_containers_die(system: Composed, names: tuple[str, ...]) -> None:
    before = system.restarts()
    callers = await connected_callers(system, STARTS, delay_seconds=2.0)
    tenants = [caller.tenant for caller in callers]
    accepted = Accepted()
    stream = asyncio.create_task(start_one_by_one(callers, accepted, every=0.5))

    await eventually(lambda: len(accepted.runs) >= STARTS // 4)
    under_way = await eventually(lambda: system.value("task_runner", UNDER_WAY, tenants))
    accepted_before = len(accepted.runs)
    await asyncio.to_thread(system.crash, *names)
    at = time.monotonic()
    await stream
    await system.wait_healthy(more_than={name: before[name] for name in names})
    healthy_after = time.monotonic() - at

    after = system.restarts()
    assert {name for name in after if after[name] > before[name]} == set(names)
    assert under_way > 0, "the kill found nothing under way"
    assert accepted_before < STARTS, "all starts were over before the kill"
    assert (accepted.refused, len(accepted.runs)) == ([], STARTS)
    await eventually(lambda: mistakes(system, accepted.runs), equals=[], seconds=END_SECONDS, every=1.0)
    settled_after = time.monotonic() - at
    await asyncio.sleep(SWEEPS_SECONDS)
    assert await mistakes(system, accepted.runs) == []
    print(
        f"\nkilled {'+'.join(names)} with {under_way} under way and {accepted_before} of {STARTS} accepted;"
        f" all healthy after {healthy_after:.1f} s, all books balanced after {settled_after:.1f} s,"
        f" callers put off {accepted.put_off} times"
    )
    await close(callers)


@pytest.mark.parametrize("name", ALL)
async def test_up_brings_back_what_docker_kill_took_for_good(system: Composed, name: str) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=2.0)
        run_id = await caller.start("graph.connectivity")
        run("docker", "kill", system.containers()[name]["Id"])
        assert system.containers()[name]["State"]["Running"] is False
        await asyncio.to_thread(system.compose, "up", "--detach", "--wait", seconds=300)

        await eventually(lambda: mistakes(system, {run_id: caller.tenant}), equals=[], seconds=END_SECONDS, every=1.0)


@pytest.mark.parametrize("name", ["session-api", "task-runner", "evidence-store"])
async def test_a_service_that_is_asked_to_stop_ends_by_itself(system: Composed, name: str) -> None:
    system.compose("stop", name)
    state = system.containers()[name]["State"]
    system.compose("up", "--detach", "--wait", seconds=300)

    assert (state["Running"], state["ExitCode"]) == (False, 0)
