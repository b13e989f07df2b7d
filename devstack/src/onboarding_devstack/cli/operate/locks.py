"""`locks`: list the edit locks of sessions, and free one."""

from typing import Annotated

from cyclopts import App, Parameter

from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.operate.asking import DEFAULT_LIMIT, Everything, Limit, Yes
from onboarding_devstack.cli.operate.deployment import HERE, Deployment

locks = App(name="locks", sort_key=34, help="List the edit locks of sessions, and free one.")


@locks.command(name="list")
def list_locks(
    *,
    user: Annotated[str | None, Parameter(name="--user", help="Only those of this user: a user id, or me.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    everything: Everything = False,
    to: Deployment = HERE,
) -> Exit:
    """Print the edit locks that are held."""
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.rows import show_pages
    from onboarding_devstack.cli.operate.session_rows import LOCK_COLUMNS, held_locks

    with client_of(to) as client:
        show_pages(held_locks(client, user, None if everything else limit), LOCK_COLUMNS, as_json=to.as_json)
    return Exit.OK


@locks.command(name="release")
def release(session: str, /, *, yes: Yes = False, to: Deployment = HERE) -> Exit:
    """Free the edit lock of a session: your own at once, that of another user after confirmation.

    The lock of another user is taken over first, which needs onboarding.takeover and is in the history of the session.

    Parameters
    ----------
    session:
        The session as TENANT/SESSION, such as 42/3.
    """
    from onboarding_devstack.cli.operate.asking import confirm
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.named import named
    from onboarding_devstack.cli.operate.rows import show_record

    wanted = named(session, "session")
    path = f"/tenants/{wanted.tenant}/onboarding/session/{wanted.id}"
    with client_of(to) as client:
        held, unchanged = client.get_tagged(path)
        holder = held["locked_by_user_id"]
        if holder is not None and holder != client.get("/me")["user_id"]:
            until = f"{held['locked_until'][11:16]} UTC"
            confirm(f"Take the lock of session {wanted} from user {holder}, who has it until {until}?", yes=yes)
            client.send("PATCH", path, {"takeover": True}, headers=unchanged)
        show_record(client.send("POST", f"{path}/release"), as_json=to.as_json)
    return Exit.OK
