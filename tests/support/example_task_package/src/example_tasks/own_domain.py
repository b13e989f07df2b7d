"""``example.own_domain``: waits until the customer has verified a domain of its own, which may take days."""

from task_runner.tasks import Result, TaskContext, Wait, task

LOOK_AGAIN_SECONDS = 3.0


@task(
    "example.own_domain",
    step=2,
    required=False,
    title="The tenant has a verified domain of its own",
    permissions=("Organization.Read.All",),
    wait_limit=3 * 86_400.0,
)
async def own_domain(context: TaskContext) -> Result:
    """Reads the organization; the domain that every tenant is born with does not count."""
    (organization,) = await context.graph.list("/organization", permission="Organization.Read.All")
    own = [domain["name"] for domain in organization["verifiedDomains"] if not domain["isInitial"]]
    if not own:
        raise Wait("DOMAIN_PENDING", "No domain is verified yet.", seconds=LOOK_AGAIN_SECONDS)
    return Result.ok("DOMAIN_OWN", f"{len(own)} domains of its own.", {"domains": own})
