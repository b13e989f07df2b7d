"""``kill -9`` in the middle of a task."""

import asyncio
import sys
import time

from onboarding_shared.contracts.task_runner import RunFinished, RunStarted
from tests.integration.task_runner.doomed import LEASE_SECONDS, long
from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.support.waiting import eventually


async def test_a_killed_workers_run_is_ended_by_another_one_soon_after_its_lease(
    harness: RunnerHarness, runner_url: str
) -> None:
    harness.tasks[long.name] = long
    await harness.apply(start(1, long.name))
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.task_runner.doomed", runner_url
    )
    try:
        await eventually(lambda: harness.state(1), equals="running", seconds=30)
        await asyncio.sleep(1.5 * LEASE_SECONDS)
        assert await harness.state(1) == "running", "a living worker keeps its lease"
    finally:
        child.kill()
        await child.wait()
    killed = time.monotonic()
    harness.new_worker(long, name="heir", lease_seconds=LEASE_SECONDS).start()
    await eventually(lambda: harness.state(1), equals="succeeded")
    assert time.monotonic() - killed < LEASE_SECONDS + 1.0
    messages = await harness.new_messages()
    assert next(message.attempt for message in messages if isinstance(message, RunStarted)) == 1
    ends = [(message.attempt, message.reason_code) for message in messages if isinstance(message, RunFinished)]
    assert ends == [(2, "FINE")]
