"""A shared check of the tenant that succeeds at once."""

from task_runner.tasks import Result, Retry, TaskContext, task


@task("check.quick", step=1, title="Quick", scope="tenant", retry=Retry(attempts=2, first_delay=0.05))
async def quick(context: TaskContext) -> Result:
    """Return ok without any request."""
    return Result.ok("QUICK_OK", "All is well.", {"tenant": context.tenant_id})
