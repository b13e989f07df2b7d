"""``example.domains``: does the tenant have a verified domain?"""

from task_runner.tasks import Result, TaskContext, task


@task("example.domains", step=2, title="The tenant has a verified domain", permissions=("Organization.Read.All",))
async def verified_domains(context: TaskContext) -> Result:
    """Reads the organization and counts its verified domains."""
    (organization,) = await context.graph.list("/organization", permission="Organization.Read.All")
    domains = [domain["name"] for domain in organization["verifiedDomains"]]
    if not domains:
        return Result.fail("DOMAINS_NONE", "The tenant has no verified domain.")
    return Result.ok("DOMAINS_FOUND", f"{len(domains)} verified domains.", {"domains": domains})
