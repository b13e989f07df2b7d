"""Sessions, edit locks and history as rows."""

from onboarding_devstack.cli.operate.client import Client, Pages, Row
from onboarding_devstack.cli.operate.rows import member, name_of, time_of

COLUMNS = (
    name_of("session"),
    member("status"),
    member("current_step", "step"),
    member("assigned_to_user_id", "assigned to"),
    member("locked_by_user_id", "locked by"),
    time_of("locked_until", "locked until (UTC)"),
    time_of("updated_at", "changed (UTC)"),
)
LOCK_COLUMNS = (
    name_of("session", number="session_id"),
    member("display_name", "customer"),
    member("locked_by_user_id", "locked by"),
    time_of("locked_until", "until (UTC)"),
)
HISTORY_COLUMNS = (
    time_of("at", "time (UTC)"),
    member("by_user_id", "user"),
    member("action"),
    member("from"),
    member("to"),
)


def sessions_of(client: Client, tenant: int, limit: int | None) -> Pages:
    """The sessions of a tenant, newest first."""
    return Pages(client, f"/tenants/{tenant}/onboarding/sessions", (), limit)


def latest_sessions(client: Client, state: str | None, locked_by: str | None, limit: int | None) -> Pages:
    """The latest session of each tenant that has one, ordered by the names of the tenants."""
    query = [(name, value) for name, value in (("session", state), ("locked_by", locked_by)) if value is not None]
    return Pages(client, "/onboarding/tenants", query, limit, _session)


def held_locks(client: Client, user: str | None, limit: int | None) -> Pages:
    """The edit locks that are held, ordered by the names of the tenants."""
    query = [("session", "open")] + ([] if user is None else [("locked_by", user)])
    return Pages(client, "/onboarding/tenants", query, limit, _lock)


def _session(customer: Row) -> Row | None:
    session = customer["session"]
    return None if session is None else {"tenant_id": customer["tenant_id"], **session}


def _lock(customer: Row) -> Row | None:
    session = customer["session"]
    if session is None or session["locked_by_user_id"] is None:
        return None
    return {
        "tenant_id": customer["tenant_id"],
        "display_name": customer["display_name"],
        "session_id": session["id"],
        "locked_by_user_id": session["locked_by_user_id"],
        "locked_until": session["locked_until"],
    }
