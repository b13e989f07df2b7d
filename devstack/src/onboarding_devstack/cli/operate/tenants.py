"""`tenants`: list the customers, and show one with its tasks."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.asking import DEFAULT_LIMIT, Everything, Limit
from onboarding_devstack.cli.operate.deployment import HERE, Deployment
from onboarding_devstack.cli.token import check_id

if TYPE_CHECKING:
    from onboarding_devstack.cli.operate.client import Client, Row

Sorting = Literal[
    "name", "step", "oldest_evidence", "next_expiry", "-name", "-step", "-oldest_evidence", "-next_expiry"
]

tenants = App(name="tenants", sort_key=32, help="List the customers, and show one with the verdict of each task.")


@tenants.command(name="list")
def list_tenants(
    *,
    search: Annotated[str | None, Parameter(help="Part of the name or of the Microsoft tenant id.")] = None,
    session: Annotated[
        Literal["open", "completed", "abandoned", "none"] | None, Parameter(help="The latest session is so.")
    ] = None,
    verdict: Annotated[
        Literal["ok", "warn", "fail", "unknown"] | None, Parameter(help="At least one task has this verdict.")
    ] = None,
    activity: Annotated[
        Literal["active", "running", "waiting"] | None,
        Parameter(help="At least one run is in this state; active: it has not ended."),
    ] = None,
    sort: Annotated[Sorting, Parameter(help="The order; with --sort=-name it is reversed.")] = "name",
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    to: Deployment = HERE,
) -> Exit:
    """Print the customers that match all options."""
    from onboarding_devstack.cli.operate.client import Pages, client_of
    from onboarding_devstack.cli.operate.rows import show_pages
    from onboarding_devstack.cli.operate.tenant_rows import COLUMNS

    given = (("search", search), ("session", session), ("verdict", verdict), ("activity", activity), ("sort", sort))
    query = [(name, value) for name, value in given if value is not None]
    with client_of(to) as client:
        pages = Pages(client, "/onboarding/tenants", query, None if everything else limit)
        show_pages(pages, COLUMNS, as_json=to.as_json)
    return Exit.OK


@tenants.command(name="show")
def show_tenant(tenant: int, /, *, to: Deployment = HERE) -> Exit:
    """Print a customer with its session, and the verdict of each task.

    Parameters
    ----------
    tenant:
        The tenant id.
    """
    import sys

    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.rows import show_record, show_rows
    from onboarding_devstack.cli.operate.tenant_rows import TASK_COLUMNS

    check_id("TENANT", tenant)
    with client_of(to) as client:
        tasks = client.get(f"/tenants/{tenant}/onboarding/tasks")
        customer = _customer(client, tenant)
    if to.as_json or not sys.stdout.isatty():
        show_record({**customer, "tasks": tasks}, as_json=True)
        return Exit.OK
    show_record(customer, as_json=False)
    print()
    show_rows(tasks, TASK_COLUMNS, as_json=False)
    return Exit.OK


def _customer(client: "Client", tenant: int) -> "Row":
    """The customer in the list of customers. Raises ``CommandError`` for a tenant that was never used."""
    from onboarding_devstack.cli.operate.client import Pages

    for customer in Pages(client, "/onboarding/tenants", [("search", str(tenant))], None):
        if customer["tenant_id"] == tenant:
            return customer
    raise CommandError(Exit.FAILED, f"tenant {tenant} has no session, run or connection yet")
