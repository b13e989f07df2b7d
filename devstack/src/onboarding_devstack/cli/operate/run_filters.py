"""The options that choose runs, and the request for the runs that they leave."""

from datetime import timedelta
from typing import NamedTuple

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.asking import seconds
from onboarding_devstack.cli.token import check_id


class RunFilters(NamedTuple):
    """Conditions on runs, which all must match; None or empty matches all."""

    tenant: int | None = None
    states: tuple[str, ...] = ()
    task_type: str | None = None
    session: int | None = None
    older_than: timedelta | None = None


def query_of(filters: RunFilters) -> tuple[str, list[tuple[str, str | int]]]:
    """The path and the query of a list of runs. Raises ``CommandError`` (usage) for options that do not fit."""
    query: list[tuple[str, str | int]] = [("state", state) for state in filters.states]
    if filters.task_type is not None:
        query.append(("taskType", filters.task_type))
    if filters.older_than is not None:
        query.append(("older_than_seconds", seconds(filters.older_than)))
    if filters.tenant is None:
        if filters.session is not None:
            raise CommandError(Exit.USAGE, "--session belongs to a tenant: give --tenant too")
        return "/onboarding/runs", query
    check_id("--tenant", filters.tenant)
    if filters.session is not None:
        query.append(("session", filters.session))
    return f"/tenants/{filters.tenant}/onboarding/runs", query
