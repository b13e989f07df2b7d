"""One kill after the other, also of processes that have only just come back."""

import asyncio
import random

import pytest

from tests.fault.conftest import INTERVAL_SECONDS
from tests.fault.stream import Accepted, close, connected_callers, start_one_by_one
from tests.support.ledger import mistakes
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.system, pytest.mark.timeout(300)]

STARTS = 150
KILLS = 8
NAMES = ("broker", "broker", "postgres", "task-runner", "session-api", "evidence-store")
END_SECONDS = 90.0
SEED = 1
"""This one kills the broker while a runner that it needs for its topics is only starting."""


async def test_every_accepted_run_has_one_record_after_many_kills(system: System) -> None:
    chance = random.Random(SEED)
    callers = await connected_callers(system, STARTS, delay_seconds=0.3)
    accepted = Accepted()
    stream = asyncio.create_task(start_one_by_one(callers, accepted, every=0.16))
    killed = []
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(1, 4))
        name = chance.choice(NAMES)
        if name in system.journal["processes"]:
            killed.append((name, system.kill(name)))
    await stream
    await system.wait_ready(instead_of=dict(killed), seconds=END_SECONDS)

    assert len(killed) >= KILLS // 2
    assert (accepted.refused, len(accepted.runs)) == ([], STARTS)
    await eventually(lambda: mistakes(system, accepted.runs), equals=[], seconds=END_SECONDS, every=1.0)
    await asyncio.sleep(3 * INTERVAL_SECONDS)
    assert await mistakes(system, accepted.runs) == []
    print(f"\nkilled {[name for name, _ in killed]}, callers put off {accepted.put_off} times")
    await close(callers)
