"""`evidence`: list and show sealed results, and verify the chains of tenants."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.operate.asking import DEFAULT_LIMIT, Everything, Limit
from onboarding_devstack.cli.operate.deployment import HERE, Deployment
from onboarding_devstack.cli.token import check_id

if TYPE_CHECKING:
    from onboarding_devstack.cli.operate.client import Client, Row

evidence = App(name="evidence", sort_key=33, help="List and show sealed results, and verify the chains of tenants.")


@evidence.command(name="list")
def list_evidence(
    *,
    tenant: Annotated[int, Parameter(help="Of this tenant.")],
    task: Annotated[str | None, Parameter(help="Only of this task type.")] = None,
    status: Annotated[
        Literal["ok", "warn", "fail", "unknown"] | None, Parameter(help="Only with this check status.")
    ] = None,
    reason: Annotated[str | None, Parameter(help="Only with this reason code.")] = None,
    session: Annotated[PositiveInt | None, Parameter(help="Only of this session.")] = None,
    run: Annotated[PositiveInt | None, Parameter(help="Only of this run.")] = None,
    since: Annotated[
        str | None, Parameter(help="Recorded at this time or later, such as 2026-11-24T09:30:00Z.")
    ] = None,
    until: Annotated[str | None, Parameter(help="Recorded before this time.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    to: Deployment = HERE,
) -> Exit:
    """Print the evidence of a tenant, newest first."""
    from onboarding_devstack.cli.operate.client import Pages, client_of
    from onboarding_devstack.cli.operate.evidence_rows import COLUMNS
    from onboarding_devstack.cli.operate.rows import show_pages

    check_id("--tenant", tenant)
    given = (
        ("taskType", task), ("status", status), ("reason_code", reason), ("session", session), ("run", run),
        ("since", since), ("until", until),
    )  # fmt: skip
    query = [(name, value) for name, value in given if value is not None]
    with client_of(to) as client:
        pages = Pages(client, f"/tenants/{tenant}/onboarding/evidence", query, None if everything else limit)
        show_pages(pages, COLUMNS, as_json=to.as_json)
    return Exit.OK


@evidence.command(name="show")
def show_evidence(item: str, /, *, to: Deployment = HERE) -> Exit:
    """Print one item with its sealed record.

    Parameters
    ----------
    item:
        The item as TENANT/EVIDENCE, such as 42/205.
    """
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.named import named
    from onboarding_devstack.cli.operate.rows import show_record

    wanted = named(item, "item of evidence")
    with client_of(to) as client:
        path = f"/tenants/{wanted.tenant}/onboarding/evidence/{wanted.id}"
        show_record(client.get(path), as_json=to.as_json)
    return Exit.OK


@evidence.command(name="verify")
def verify_evidence(
    tenants: Annotated[tuple[int, ...], Parameter(negative="")] = (),
    /,
    *,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Every tenant of the caller.")] = False,
    to: Deployment = HERE,
) -> Exit:
    """Verify the whole chain of each tenant. Exit code 3 if one is broken.

    Parameters
    ----------
    tenants:
        The tenant ids.
    """
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.evidence_rows import VERIFICATION_COLUMNS
    from onboarding_devstack.cli.operate.rows import show_rows

    if bool(tenants) == everything:
        raise CommandError(Exit.USAGE, "name the tenants to verify, or --all")
    for tenant in tenants:
        check_id("TENANT", tenant)
    verdicts: list[bool] = []

    def verified(client: "Client") -> Iterator["Row"]:
        for tenant in _all_tenants(client) if everything else tenants:
            verification = client.get(f"/tenants/{tenant}/onboarding/evidence/verification")
            verdicts.append(verification["verified"])
            yield {"tenant_id": tenant, **verification}

    with client_of(to) as client:
        show_rows(verified(client), VERIFICATION_COLUMNS, as_json=to.as_json)
    if not verdicts:
        raise CommandError(Exit.FAILED, "no tenant was verified: the token sees none", ours("tenants list"))
    return Exit.OK if all(verdicts) else Exit.VERDICT


def _all_tenants(client: "Client") -> Iterator[int]:
    from onboarding_devstack.cli.operate.client import Pages

    return (customer["tenant_id"] for customer in Pages(client, "/onboarding/tenants", (), None))
