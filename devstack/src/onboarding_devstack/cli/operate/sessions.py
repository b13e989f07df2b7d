"""`sessions`: list and show sessions, take one over, hand it to somebody else."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.asking import DEFAULT_LIMIT, Everything, Limit
from onboarding_devstack.cli.operate.deployment import HERE, Deployment
from onboarding_devstack.cli.token import check_id

if TYPE_CHECKING:
    from onboarding_devstack.cli.operate.client import Client, Row
    from onboarding_devstack.cli.operate.named import Named

sessions = App(name="sessions", sort_key=31, help="List and show sessions, take one over, hand it to somebody else.")

TakeOver = Annotated[
    bool, Parameter(name="--takeover", negative="", help="Take the edit lock over if another user holds it.")
]


@sessions.command(name="list")
def list_sessions(
    *,
    tenant: Annotated[
        int | None, Parameter(help="All sessions of this tenant. Default: the latest session of each tenant.")
    ] = None,
    state: Annotated[
        Literal["open", "completed", "abandoned"] | None,
        Parameter(help="Only tenants whose latest session is so; not with --tenant."),
    ] = None,
    locked_by: Annotated[
        str | None, Parameter(help="Only those whose edit lock this user holds: a user id, or me; not with --tenant.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    to: Deployment = HERE,
) -> Exit:
    """Print sessions: the latest one of each tenant, or all of one tenant, newest first."""
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.rows import show_pages
    from onboarding_devstack.cli.operate.session_rows import COLUMNS, latest_sessions, sessions_of

    if tenant is not None and (state or locked_by):
        raise CommandError(Exit.USAGE, "--state and --locked-by choose among all tenants: leave --tenant out")
    most = None if everything else limit
    with client_of(to) as client:
        if tenant is not None:
            check_id("--tenant", tenant)
            listed = sessions_of(client, tenant, most)
        else:
            listed = latest_sessions(client, state, locked_by, most)
        show_pages(listed, COLUMNS, as_json=to.as_json)
    return Exit.OK


@sessions.command(name="show")
def show_session(session: str, /, *, to: Deployment = HERE) -> Exit:
    """Print one session in any status, with its edit lock and its times.

    Parameters
    ----------
    session:
        The session as TENANT/SESSION, such as 42/3.
    """
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.rows import show_record

    with client_of(to) as client:
        show_record(client.get(_path(_named(session), "session")), as_json=to.as_json)
    return Exit.OK


@sessions.command(name="history")
def show_history(
    session: str, /, *, limit: Limit = DEFAULT_LIMIT, everything: Everything = False, to: Deployment = HERE
) -> Exit:
    """Print who changed what of a session, newest first.

    Parameters
    ----------
    session:
        The session as TENANT/SESSION, such as 42/3.
    """
    from onboarding_devstack.cli.operate.client import Pages, client_of
    from onboarding_devstack.cli.operate.rows import show_pages
    from onboarding_devstack.cli.operate.session_rows import HISTORY_COLUMNS

    with client_of(to) as client:
        pages = Pages(client, f"{_path(_named(session), 'session')}/history", (), None if everything else limit)
        show_pages(pages, HISTORY_COLUMNS, as_json=to.as_json)
    return Exit.OK


@sessions.command(name="takeover")
def take_over(session: str, /, *, to: Deployment = HERE) -> Exit:
    """Take the edit lock of an open session over. Its holder so far can change nothing any more.

    Parameters
    ----------
    session:
        The session as TENANT/SESSION, such as 42/3.
    """
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.rows import show_record

    with client_of(to) as client:
        changed = client.send("PATCH", _path(_named(session), "session"), {"takeover": True})
        show_record(changed, as_json=to.as_json)
    return Exit.OK


@sessions.command(name="assign")
def assign(
    session: str,
    /,
    *,
    user: Annotated[int | None, Parameter(name="--user", help="The user id of whom it is assigned to.")] = None,
    nobody: Annotated[bool, Parameter(name="--nobody", negative="", help="Assign it to nobody.")] = False,
    takeover: TakeOver = False,
    to: Deployment = HERE,
) -> Exit:
    """Assign an open session to a user. An edit lock that this needed is given back, so that the user can go on.

    Parameters
    ----------
    session:
        The session as TENANT/SESSION, such as 42/3.
    """
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.rows import show_record

    if (user is None) != nobody:
        raise CommandError(Exit.USAGE, "give --user ID, or --nobody")
    if user is not None:
        check_id("--user", user)
    path = _path(_named(session), "session")
    with client_of(to) as client:
        show_record(_assigned(client, path, user, takeover=takeover), as_json=to.as_json)
    return Exit.OK


def _assigned(client: "Client", path: str, user: int | None, *, takeover: bool) -> "Row":
    holder = client.get(path)["locked_by_user_id"]
    change = {"assigned_to_user_id": user} | ({"takeover": True} if takeover else {})
    changed: Row = client.send("PATCH", path, change)
    if changed["locked_by_user_id"] == holder:
        return changed
    released: Row = client.send("POST", f"{path}/release")
    return released


def _named(session: str) -> "Named":
    from onboarding_devstack.cli.operate.named import named

    return named(session, "session")


def _path(session: "Named", kind: str) -> str:
    return f"/tenants/{session.tenant}/onboarding/{kind}/{session.id}"
