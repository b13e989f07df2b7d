"""A worker in a process of its own, which a test kills: ``python -m tests.integration.task_runner.doomed URL``."""

import asyncio
import sys

from onboarding_shared.postgres.database import Database
from task_runner.tasks import Result, Retry, TaskContext, task
from tests.integration.task_runner.runner_harness import RunnerHarness

LEASE_SECONDS = 1.0


@task("test.long", step=1, title="Long", scope="tenant", retry=Retry(attempts=1))
async def long(context: TaskContext) -> Result:
    """Lasts for ever in its first attempt."""
    if context.attempt == 1:
        await asyncio.sleep(3600)
    return Result.ok("FINE")


async def work(url: str) -> None:
    harness = RunnerHarness(Database(url, application_name="doomed"))
    harness.new_worker(long, name="doomed", lease_seconds=LEASE_SECONDS).start()
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
