"""``kill -9`` in the middle of a task."""

import asyncio
import sys
import time

from onboarding_shared.contracts.task_runner import RunFinished, RunStarted
from tests.integration.task_runner.doomed import LEASE_SECONDS, long
from tests.integration.task_runner.scene import Scene, start
from tests.support.waiting import eventually


async def test_a_killed_workers_run_is_ended_by_another_one_soon_after_its_lease(scene: Scene, runner_url: str) -> None:
    scene.tasks[long.name] = long
    await scene.apply(start(1, long.name))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.task_runner.doomed", runner_url
    )
    try:
        await eventually(lambda: scene.state(1), equals="running", seconds=30)
        await asyncio.sleep(1.5 * LEASE_SECONDS)
        assert await scene.state(1) == "running", "a living worker keeps its lease"
    finally:
        child.kill()
        await child.wait()
    killed = time.monotonic()
    scene.new_worker(long, name="heir", lease_seconds=LEASE_SECONDS).start()
    await eventually(lambda: scene.state(1), equals="succeeded")
    assert time.monotonic() - killed < LEASE_SECONDS + 1.0
    said = await scene.said()
    assert [one.attempt for one in said if isinstance(one, RunStarted)] == [1, 2]
    assert [one.reason_code for one in said if isinstance(one, RunFinished)] == ["FINE"]
