"""``example.upkeep``: a change, so nothing else works on the connection meanwhile."""

from task_runner.tasks import Result, TaskContext, task


@task(
    "example.upkeep",
    step=2,
    mode="exclusive",
    required=False,
    title="The tenant's records are in order",
    permissions=("Organization.Read.All",),
)
async def upkeep(context: TaskContext) -> Result:
    """Reads the organization twice, as if it had changed something in between."""
    for done in range(2):
        await context.progress(done, 2, "Putting records in order")
        await context.graph.list("/organization", permission="Organization.Read.All")
    return Result.ok("UPKEEP_DONE", "The records are in order.")
