"""``example.poison``: kills the process in which it runs."""

import asyncio
import os
import signal

from task_runner.tasks import Result, TaskContext, task


@task("example.poison", step=1, required=False, title="Poison", scope="tenant")
async def poison(context: TaskContext) -> Result:
    """Ends the process as a lack of memory would."""
    await asyncio.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)
    return Result.ok("NEVER")
