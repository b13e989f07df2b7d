"""kill -9 of each process in the middle of work: every accepted run ends, with one item of evidence, by itself."""

import asyncio
import time

import pytest

from tests.fault.conftest import INTERVAL_SECONDS
from tests.fault.stream import Accepted, close, connected_callers, start_one_by_one
from tests.support.ledger import mistakes
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.system, pytest.mark.timeout(300)]

STARTS = 20
END_SECONDS = 90.0
SWEEPS = 3
UNDER_WAY = "SELECT count(*) FROM executions WHERE state = 'running' AND tenant_id = ANY($1::bigint[])"


ALL = ("broker", "task-runner", "session-api", "evidence-store", "postgres")


@pytest.mark.parametrize("names", [*((name,) for name in ALL), ("broker", "postgres"), ALL], ids="+".join)
async def test_every_accepted_run_ends_with_one_item_of_evidence_when_these_are_killed(
    system: System, names: tuple[str, ...]
) -> None:
    callers = await connected_callers(system, STARTS, delay_seconds=1.0)
    tenants = [caller.tenant for caller in callers]
    accepted = Accepted()
    stream = asyncio.create_task(start_one_by_one(callers, accepted))

    await eventually(lambda: len(accepted.runs) >= STARTS // 3)
    under_way = await eventually(lambda: system.value("task_runner", UNDER_WAY, tenants))
    accepted_before = len(accepted.runs)
    killed = {name: system.kill(name) for name in names}
    at = time.monotonic()
    await system.wait_ready(instead_of=killed)
    ready_after = time.monotonic() - at
    await stream

    assert under_way > 0, "the kill found nothing under way"
    assert accepted_before < STARTS, "all starts were over before the kill"
    assert (accepted.refused, len(accepted.runs)) == ([], STARTS)
    await eventually(lambda: mistakes(system, accepted.runs), equals=[], seconds=END_SECONDS, every=0.5)
    settled_after = time.monotonic() - at
    await asyncio.sleep(SWEEPS * INTERVAL_SECONDS)
    assert await mistakes(system, accepted.runs) == []
    print(
        f"\nkilled {killed} with {under_way} under way and {accepted_before} of {STARTS} accepted;"
        f" ready after {ready_after:.1f} s, all books balanced after {settled_after:.1f} s,"
        f" callers put off {accepted.put_off} times"
    )
    await close(callers)
