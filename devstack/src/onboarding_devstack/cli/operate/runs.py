"""`runs`: list and show runs, cancel and retry them, one or many."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.asking import (
    DEFAULT_LIMIT,
    DryRun,
    Everything,
    Limit,
    OlderThan,
    Tenant,
    Yes,
)
from onboarding_devstack.cli.operate.deployment import HERE, Deployment
from onboarding_devstack.cli.operate.run_filters import RunFilters, query_of

if TYPE_CHECKING:
    from onboarding_devstack.cli.operate.bulk import Change

State = Literal["queued", "running", "waiting", "cancelling", "cancelled", "succeeded", "failed", "timed_out"]
States = Annotated[
    tuple[State, ...], Parameter(name="--state", negative="", help="Only in this state; repeat for several.")
]
TaskType = Annotated[str | None, Parameter(name="--task", help="Only of this task type.")]
Session = Annotated[PositiveInt | None, Parameter(name="--session", help="Only of this session; with --tenant.")]
Chosen = Annotated[tuple[str, ...], Parameter(negative="")]

runs = App(name="runs", sort_key=30, help="List and show runs, cancel and retry them, one or many.")


@runs.command(name="list")
def list_runs(
    *,
    tenant: Tenant = None,
    state: States = (),
    task: TaskType = None,
    session: Session = None,
    older_than: OlderThan = None,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    to: Deployment = HERE,
) -> Exit:
    """Print runs, newest first."""
    from onboarding_devstack.cli.operate.client import Pages, client_of
    from onboarding_devstack.cli.operate.rows import show_pages
    from onboarding_devstack.cli.operate.run_rows import COLUMNS

    path, query = query_of(RunFilters(tenant, state, task, session, older_than))
    with client_of(to) as client:
        show_pages(Pages(client, path, query, None if everything else limit), COLUMNS, as_json=to.as_json)
    return Exit.OK


@runs.command(name="show")
def show_run(run: str, /, *, to: Deployment = HERE) -> Exit:
    """Print one run with its progress and its result.

    Parameters
    ----------
    run:
        The run as TENANT/RUN, such as 42/17.
    """
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.named import named
    from onboarding_devstack.cli.operate.rows import show_record

    wanted = named(run, "run")
    with client_of(to) as client:
        show_record(client.get(f"/tenants/{wanted.tenant}/onboarding/runs/{wanted.id}"), as_json=to.as_json)
    return Exit.OK


@runs.command(name="cancel")
def cancel_runs(
    chosen: Chosen = (),
    /,
    *,
    tenant: Tenant = None,
    state: States = (),
    task: TaskType = None,
    session: Session = None,
    older_than: OlderThan = None,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Every active run.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    to: Deployment = HERE,
) -> Exit:
    """Cancel the named runs, or after confirmation every active run that the options leave.

    Parameters
    ----------
    chosen:
        Runs as TENANT/RUN, such as 42/17.
    """
    from onboarding_devstack.cli.operate.bulk import CANCEL

    filters = _selection(chosen, RunFilters(tenant, state, task, session, older_than), everything)
    return _change(CANCEL, chosen, filters, dry_run=dry_run, yes=yes, to=to)


@runs.command(name="retry")
def retry_runs(
    chosen: Chosen = (),
    /,
    *,
    tenant: Tenant = None,
    state: States = (),
    task: TaskType = None,
    session: Session = None,
    older_than: OlderThan = None,
    everything: Annotated[bool, Parameter(name="--all", negative="", help="Every failed run.")] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    to: Deployment = HERE,
) -> Exit:
    """Start the tasks of the named runs once more, or after confirmation of every failed run that the options leave.

    Of several runs of one task and connection of a tenant only the newest one is repeated. Without --state: failed and
    timed out runs.

    Parameters
    ----------
    chosen:
        Ended runs as TENANT/RUN, such as 42/17.
    """
    from onboarding_devstack.cli.operate.bulk import RETRY

    filters = _selection(chosen, RunFilters(tenant, state, task, session, older_than), everything)
    return _change(RETRY, chosen, filters, dry_run=dry_run, yes=yes, to=to)


def _selection(chosen: tuple[str, ...], filters: RunFilters, everything: bool) -> RunFilters | None:
    """The filters of a change of many; None if runs are named. A change of all must be asked for."""
    if sum((bool(chosen), filters != RunFilters(), everything)) != 1:
        raise CommandError(
            Exit.USAGE, "name runs as TENANT/RUN, or choose them with options such as --tenant, or --all"
        )
    return None if chosen else filters


def _change(
    change: "Change", chosen: tuple[str, ...], filters: RunFilters | None, *, dry_run: bool, yes: bool, to: Deployment
) -> Exit:
    from onboarding_devstack.cli.operate.bulk import carry_out, named_runs, select
    from onboarding_devstack.cli.operate.client import client_of

    with client_of(to) as client:
        wanted = named_runs(client, chosen, look=dry_run) if filters is None else select(client, change, filters)
        return carry_out(
            client, change, wanted, dry_run=dry_run, ask=filters is not None and not yes, as_json=to.as_json
        )
