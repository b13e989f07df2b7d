"""The SQL of the list of customers: filtered and sorted over all tenants of the caller, in detail for one page."""

import functools
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import CheckStatus, RunState, SessionStatus
from session_api.domain.customers import (
    ENDS_SOON,
    ActiveRun,
    Customer,
    CustomerCounts,
    CustomerFilter,
    Expiry,
    LatestSession,
    SessionFilter,
    Sorting,
)
from session_api.domain.edit_lock import EditLock, held
from session_api.domain.sessions import Session
from session_api.store.states import ACTIVE_STATES, OPEN_STATUSES
from session_api.store.verdicts import current_verdicts, verdict_counts

Tenants = Collection[int] | None
"""The tenants whose data may be read; None = all."""

# A caller of some tenants sees those without any data, too.
_CUSTOMERS = """
SELECT m.tenant_id, coalesce(n.display_name, c.display_name, 'Tenant ' || m.tenant_id) AS display_name,
       c.external_tenant_id, s.*
FROM (SELECT tenant_id FROM unnest(CAST(:tenants AS bigint[])) AS given (tenant_id)
      UNION ALL
      SELECT tenant_id FROM tenant_guards WHERE CAST(:tenants AS bigint[]) IS NULL AND tenant_id > 0) m
LEFT JOIN tenant_names n USING (tenant_id)
LEFT JOIN LATERAL (
    SELECT p.display_name, p.external_tenant_id FROM provider_connections p
    WHERE p.tenant_id = m.tenant_id AND p.disabled_at IS NULL ORDER BY p.id DESC LIMIT 1) c ON true
LEFT JOIN LATERAL (
    SELECT o.id AS session_id, o.status, o.current_step, o.provider_connection_id, o.assigned_to_user_id,
           o.locked_by_user_id, o.locked_until, o.created_at, o.updated_at
    FROM onboarding_sessions o WHERE o.tenant_id = m.tenant_id ORDER BY o.id DESC LIMIT 1) s ON true
"""
_SESSION = {
    SessionFilter.OPEN: f"status IN {OPEN_STATUSES}",
    SessionFilter.COMPLETED: "status = 'completed'",
    SessionFilter.ABANDONED: "status = 'abandoned'",
    SessionFilter.NONE: "status IS NULL",
}
_LAST = "~"
"""Sorts after all digits."""
# Names by their first characters, so that a cursor has room for any name; ties are in the order of tenant ids.
_SORT_KEYS = {
    "name": "left(lower(display_name), 60)",
    "step": f"coalesce(CAST(current_step AS text), '{_LAST}')",
    "oldest_evidence": f"coalesce(to_char(oldest_evidence_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS'), '{_LAST}')",
    "next_expiry": f"coalesce(to_char(next_expires_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS'), '{_LAST}')",
}
_NEEDS_VERDICTS = frozenset({"oldest_evidence", "next_expiry"})
_CONDITIONS = {
    "activity": f"""EXISTS (SELECT FROM operation_runs r
        WHERE r.tenant_id = customers.tenant_id AND r.state IN {ACTIVE_STATES} AND :activity IN ('active', r.state))""",
    "needs_attention": "needs_attention = :needs_attention",
    "verdict": "CASE :verdict WHEN 'ok' THEN ok WHEN 'warn' THEN warn WHEN 'fail' THEN fail ELSE unknown END > 0",
}
"""Conditions by the parameter that each compares."""
_OF_VERDICTS = frozenset({"needs_attention", "verdict"})
_FILTERS = """(CAST(:pattern AS text) IS NULL OR display_name ILIKE :pattern OR external_tenant_id ILIKE :pattern
       OR CAST(tenant_id AS text) = :search)
  AND (CAST(:locked_by AS bigint) IS NULL OR (locked_by_user_id = :locked_by AND locked_until > now()))"""

_SUMMARY = text(f"""
SELECT count(*) AS tenants, count(*) FILTER (WHERE status IN {OPEN_STATUSES}) AS in_onboarding,
       count(*) FILTER (WHERE EXISTS (
           SELECT FROM operation_runs r
           WHERE r.tenant_id = customers.tenant_id AND r.state IN {ACTIVE_STATES} AND r.state = 'waiting')) AS waiting,
       count(*) FILTER (WHERE needs_attention) AS need_attention,
       count(*) FILTER (WHERE status = 'completed') AS completed,
       count(*) FILTER (WHERE next_expires_at < now() + CAST(:ends_soon AS interval)) AS ending_soon
FROM ({_CUSTOMERS}) customers CROSS JOIN LATERAL ({verdict_counts("customers.tenant_id")}) verdicts
""")  # noqa: S608 - no input, only constants
_EXPIRIES = text(f"""
SELECT tenant_id, display_name, v.task_type, v.title, v.expires_at, v.status
FROM ({_CUSTOMERS}) customers CROSS JOIN LATERAL ({current_verdicts("customers.tenant_id")}) v
WHERE v.expires_at > now() AND v.expires_at < now() + make_interval(days => :days)
  AND (v.expires_at, tenant_id, v.task_type) > (:after_at, :after_tenant, :after_task_type)
ORDER BY v.expires_at, tenant_id, v.task_type LIMIT :limit
""")  # noqa: S608 - no input, only constants
_SET_NAME = text("""
INSERT INTO tenant_names AS n (tenant_id, display_name, set_by_user_id) VALUES (:tenant, :name, :user)
ON CONFLICT (tenant_id) DO UPDATE SET display_name = excluded.display_name, set_at = now(),
    set_by_user_id = excluded.set_by_user_id
WHERE n.display_name <> excluded.display_name
""")
_NAME = text(f"SELECT display_name FROM ({_CUSTOMERS}) customers")  # noqa: S608 - no input, only constants


class CustomerPosition(NamedTuple):
    """The last customer of a page: its value in the order, as text, and its tenant id."""

    key: str
    tenant_id: int


class ExpiryPosition(NamedTuple):
    """The last verdict of a page, in the order of expiries."""

    expires_at: datetime
    tenant_id: int
    task_type: str


class CustomerPage(NamedTuple):
    """Customers in order, and the position of each."""

    customers: list[Customer]
    positions: list[CustomerPosition]


@functools.cache
def _list(sorting: Sorting, wanted: frozenset[str], *, session: SessionFilter | None, after: bool) -> TextClause:
    """``wanted`` names the conditions of ``_CONDITIONS``.

    Verdicts of all tenants are computed only if they filter or sort; else those of the page are.
    """
    all_verdicts = bool(wanted & _OF_VERDICTS) or sorting.key in _NEEDS_VERDICTS
    of_all = f"CROSS JOIN LATERAL ({verdict_counts('customers.tenant_id')}) verdicts" if all_verdicts else ""
    of_page = "" if all_verdicts else f"CROSS JOIN LATERAL ({verdict_counts('page.tenant_id')}) verdicts"
    key = f'{_SORT_KEYS[sorting.key]} COLLATE "C"'
    order = "DESC" if sorting.descending else "ASC"
    conditions = [_FILTERS, *(_CONDITIONS[name] for name in sorted(wanted))]
    if session is not None:
        conditions.append(_SESSION[session])
    if after:
        conditions.append(f"({key}, tenant_id) {'<' if sorting.descending else '>'} (:after_key, :after_tenant)")
    return text(f"""
SELECT page.*, {"" if all_verdicts else "verdicts.*, "}now() AS now, active.*,
       (SELECT count(*) FROM operation_runs r
        WHERE r.tenant_id = page.tenant_id AND r.state IN {ACTIVE_STATES}) AS active_runs
FROM (SELECT *, {key} AS sort_key FROM ({_CUSTOMERS}) customers {of_all}
      WHERE {" AND ".join(conditions)}
      ORDER BY sort_key {order}, tenant_id {order} LIMIT :limit) page
{of_page}
LEFT JOIN LATERAL (
    SELECT r.id AS run_id, r.task_type, coalesce(t.declaration ->> 'title', r.task_type) AS title, r.state, r.attempt,
           r.reason_code AS run_reason,
           r.message AS run_message, r.resume_at, r.progress_done, r.progress_total, r.progress_message, r.started_at
    FROM operation_runs r LEFT JOIN task_types t ON t.name = r.task_type
    WHERE r.tenant_id = page.tenant_id AND r.state IN {ACTIVE_STATES}
    ORDER BY r.state = 'running' DESC, r.id DESC LIMIT 1) active ON true
ORDER BY page.sort_key {order}, page.tenant_id {order}
""")  # noqa: S608 - no input, only constants


async def list_customers(
    tx: AsyncConnection,
    tenants: Tenants,
    wanted: CustomerFilter,
    sorting: Sorting,
    *,
    after: CustomerPosition | None,
    limit: int,
) -> CustomerPage:
    """Return up to ``limit`` customers after a position."""
    compared = _compared(wanted)
    statement = _list(sorting, frozenset(compared), session=wanted.session, after=after is not None)
    values: dict[str, Any] = {
        "tenants": _given(tenants),
        "pattern": None if wanted.search is None else f"%{_escaped(wanted.search)}%",
        "search": wanted.search,
        "locked_by": wanted.locked_by,
        "limit": limit,
        **compared,
    }
    if after is not None:
        values |= {"after_key": after.key, "after_tenant": after.tenant_id}
    rows = (await tx.execute(statement, values)).all()
    return CustomerPage(
        [_customer(row) for row in rows], [CustomerPosition(row.sort_key, row.tenant_id) for row in rows]
    )


async def count_customers(tx: AsyncConnection, tenants: Tenants) -> CustomerCounts:
    """Return the numbers of customers."""
    row = (await tx.execute(_SUMMARY, {"tenants": _given(tenants), "ends_soon": ENDS_SOON})).one()
    return CustomerCounts(
        row.tenants, row.in_onboarding, row.waiting, row.need_attention, row.completed, row.ending_soon
    )


async def list_expiries(
    tx: AsyncConnection, tenants: Tenants, *, days: int, after: ExpiryPosition, limit: int
) -> list[Expiry]:
    """Return up to ``limit`` verdicts after a position that expire within so many days, the first to expire first."""
    at, tenant_id, task_type = after
    values = {"after_at": at, "after_tenant": tenant_id, "after_task_type": task_type}
    rows = await tx.execute(_EXPIRIES, {"tenants": _given(tenants), "days": days, "limit": limit, **values})
    return [
        Expiry(row.tenant_id, row.display_name, row.task_type, row.title, row.expires_at, CheckStatus(row.status))
        for row in rows
    ]


async def set_tenant_name(tx: AsyncConnection, tenant_id: int, name: str, user_id: int) -> None:
    """Set the display name of a tenant."""
    await tx.execute(_SET_NAME, {"tenant": tenant_id, "name": name, "user": user_id})


async def tenant_name(tx: AsyncConnection, tenant_id: int) -> str:
    """Return the display name of a tenant: its own, else that of its newest enabled connection, else its id."""
    return (await tx.execute(_NAME, {"tenants": [tenant_id]})).scalar_one()


def _given(tenants: Tenants) -> list[int] | None:
    return None if tenants is None else sorted(tenants)


def _compared(wanted: CustomerFilter) -> dict[str, str | bool]:
    """The values that ``_CONDITIONS`` compare, without those that were not asked for."""
    given = {"activity": wanted.activity, "needs_attention": wanted.needs_attention, "verdict": wanted.verdict}
    return {name: value for name, value in given.items() if value is not None}


def _escaped(search: str) -> str:
    return search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _customer(row: Row[Any]) -> Customer:
    return Customer(
        tenant_id=row.tenant_id,
        display_name=row.display_name,
        external_tenant_id=row.external_tenant_id,
        latest=_latest(row),
        counts={status: getattr(row, status.value) for status in CheckStatus},
        active_runs=row.active_runs,
        active_run=_active(row),
        oldest_evidence_at=row.oldest_evidence_at,
        next_expires_at=row.next_expires_at,
    )


def _latest(row: Row[Any]) -> LatestSession | None:
    if row.session_id is None:
        return None
    lock = None if row.locked_by_user_id is None else EditLock(row.locked_by_user_id, row.locked_until)
    session = Session(
        id=row.session_id,
        tenant_id=row.tenant_id,
        status=SessionStatus(row.status),
        current_step=row.current_step,
        provider_connection_id=row.provider_connection_id,
        assigned_to_user_id=row.assigned_to_user_id,
        lock=held(lock, row.now),
    )
    return LatestSession(session, row.created_at, row.updated_at)


def _active(row: Row[Any]) -> ActiveRun | None:
    if row.run_id is None:
        return None
    return ActiveRun(
        id=row.run_id,
        task_type=row.task_type,
        title=row.title,
        state=RunState(row.state),
        attempt=row.attempt,
        reason_code=row.run_reason,
        message=row.run_message,
        resume_at=row.resume_at,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        progress_message=row.progress_message,
        started_at=row.started_at,
    )
