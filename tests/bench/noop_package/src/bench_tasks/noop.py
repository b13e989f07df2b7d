"""A task without any work: what a run costs beside its task."""

from task_runner.tasks import Result, TaskContext, task


@task("bench.noop", step=1, title="Nothing", scope="tenant", required=False)
async def noop(context: TaskContext) -> Result:
    """Answers at once."""
    return Result.ok("NOTHING_DONE", "Nothing was to be done.")
