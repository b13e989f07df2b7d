"""Cancels or retries runs, up to 100 in a request."""

import sys
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.asking import confirm
from onboarding_devstack.cli.operate.client import Client, Pages, Row
from onboarding_devstack.cli.operate.named import Named, named
from onboarding_devstack.cli.operate.rows import show_rows
from onboarding_devstack.cli.operate.run_filters import RunFilters, query_of
from onboarding_devstack.cli.operate.run_rows import CANCELLED_COLUMNS, COLUMNS, RETRIED_COLUMNS
from onboarding_devstack.cli.screen import err
from onboarding_shared.contracts.types import RunState

AT_ONCE = 100


class Change(NamedTuple):
    """A change of many runs: its verb, its path, the states of runs that it is made for without ``--state``, and the
    states that it is possible in."""

    verb: str
    path: str
    states: tuple[str, ...]
    possible: tuple[str, ...]


CANCEL = Change("cancel", "/onboarding/runs/cancel", ("queued", "running", "waiting"), ("queued", "running", "waiting"))
RETRY = Change(
    "retry", "/onboarding/runs/retry", ("failed", "timed_out"), ("failed", "timed_out", "cancelled", "succeeded")
)


def named_runs(client: Client, names: Sequence[str], *, look: bool) -> list[Row]:
    """The runs of these names; ``look``: as session-api knows them, with all their members."""
    chosen = [named(name, "run") for name in dict.fromkeys(names)]
    if look:
        return [client.get(f"/tenants/{run.tenant}/onboarding/runs/{run.id}") for run in chosen]
    return [{"tenant_id": run.tenant, "id": run.id} for run in chosen]


def select(client: Client, change: Change, filters: RunFilters) -> list[Row]:
    """The runs that the filters leave and the change is possible for, newest first.

    For a retry only runs that are the newest of their task and connection in a tenant: what was repeated since, with
    whatever result, is not started again. Dry runs and others are told apart.
    """
    if wrong := [state for state in filters.states if state not in change.possible]:
        possible = ", ".join(change.possible)
        raise CommandError(Exit.USAGE, f"--state of runs to {change.verb} is one of {possible}, not {wrong[0]}")
    path, query = query_of(filters._replace(states=filters.states or change.states))
    runs = list(Pages(client, path, query, None))
    if change is not RETRY or not runs:
        return runs
    path, query = query_of(filters._replace(states=tuple(RunState), session=None, older_than=None))
    newest: dict[tuple[object, ...], int] = {}
    for run in Pages(client, path, query, None):
        newest.setdefault(_same_work(run), run["id"])
    return [run for run in runs if newest.get(_same_work(run)) == run["id"]]


def _same_work(run: Row) -> tuple[object, ...]:
    return run["tenant_id"], run["task_type"], run["provider_connection_id"], run["dry_run"]


def carry_out(client: Client, change: Change, runs: Sequence[Row], *, dry_run: bool, ask: bool, as_json: bool) -> Exit:
    """Change the runs and print the outcome of each. ``FAILED`` if one was refused."""
    if dry_run:
        show_rows(runs, COLUMNS, as_json=as_json)
        err().print(f"Dry run: {_counted(runs)} to {change.verb}; nothing was changed.")
        return Exit.OK
    if ask and runs:
        _preview(runs)
        confirm(f"{change.verb.capitalize()} {_counted(runs)}?", yes=False)
    outcomes: list[Row] = []

    def changed() -> Iterator[Row]:
        for begin in range(0, len(runs), AT_ONCE):
            answers = _request(client, change, runs[begin : begin + AT_ONCE])
            outcomes.extend(answers)
            yield from answers

    show_rows(changed(), RETRIED_COLUMNS if change is RETRY else CANCELLED_COLUMNS, as_json=as_json)
    refused = [row for row in outcomes if row["error"] is not None]
    if refused:
        err().print(f"{len(refused)} of {len(outcomes)} refused.")
        err().print(f"  try: {refused[0]['error']['next']}", markup=False)
    return Exit.FAILED if refused else Exit.OK


def _request(client: Client, change: Change, runs: Sequence[Row]) -> list[Row]:
    """Change up to 100 runs. The key lets a retry whose answer was lost be sent again without starting it twice."""
    body = {"runs": [{"tenant_id": run["tenant_id"], "run_id": run["id"]} for run in runs]}
    headers = {"Idempotency-Key": str(uuid.uuid4())} if change is RETRY else None
    return list(client.send("POST", change.path, body, headers=headers))


def _preview(runs: Sequence[Row]) -> None:
    if not sys.stderr.isatty():
        return
    for run in runs[:10]:
        err().print(f"  {Named(run['tenant_id'], run['id'])}  {run['task_type']}  {run['state']}", markup=False)
    if len(runs) > 10:
        err().print(f"  … and {len(runs) - 10} more; --dry-run prints all")


def _counted(runs: Sequence[Row]) -> str:
    tenants = len({run["tenant_id"] for run in runs})
    return f"{len(runs)} run{'' if len(runs) == 1 else 's'} of {tenants} tenant{'' if tenants == 1 else 's'}"
