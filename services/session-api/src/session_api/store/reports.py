"""The SQL of reports: a session, and of each task type the run that counted at the time of the report."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import CheckStatus, Scope, SessionStatus
from session_api.domain.reports import CountedRun, Customer, ReportedSession, ReportedTask
from session_api.store.states import ANSWERED_STATES, OPEN_STATUSES
from session_api.store.task_types import FRESH_SECONDS

# A closed session is not changed any more, so the time of its latest change is that of its end.
_SESSION = text(f"""
SELECT s.id, s.status, s.current_step, s.provider_connection_id, s.created_at, now() AS now,
       CASE WHEN s.status IN {OPEN_STATUSES} THEN now() ELSE s.updated_at END AS as_of,
       coalesce(n.display_name, c.display_name) AS display_name, c.external_tenant_id, c.cloud
FROM onboarding_sessions s
LEFT JOIN tenant_names n USING (tenant_id)
LEFT JOIN LATERAL (
    SELECT display_name, external_tenant_id, cloud FROM provider_connections p
    WHERE p.tenant_id = s.tenant_id
      AND (p.id = s.provider_connection_id OR (s.provider_connection_id IS NULL AND p.disabled_at IS NULL))
    ORDER BY p.id DESC LIMIT 1
) c ON true
WHERE s.tenant_id = :tenant AND s.id = :id
""")  # noqa: S608 - no input, only constants
# finished_at is of the runner's clock, last_heard_at of ours: a clock that is ahead must not hide a run.
_TASKS = text(f"""
WITH enabled AS (
    SELECT count(*) AS count, min(id) AS first_id FROM provider_connections
    WHERE tenant_id = :tenant AND disabled_at IS NULL
), judged AS (
    SELECT coalesce(CAST(:chosen AS bigint), CASE WHEN count = 1 THEN first_id END) AS connection_id,
           CAST(:chosen AS bigint) IS NULL AND count > 1 AS not_chosen
    FROM enabled
)
SELECT t.name, t.step, t.required, t.scope, t.declaration ->> 'title' AS title,
       t.declaration ->> 'description' AS description, judged.not_chosen,
       coalesce(CAST(t.declaration ->> 'fresh_seconds' AS float8), :fresh_seconds) AS fresh_seconds,
       counted.id AS run_id, counted.status, counted.reason_code, counted.message, counted.finished_at,
       latest.id AS last_run_id
FROM task_types t
CROSS JOIN judged
CROSS JOIN LATERAL (
    SELECT CASE WHEN t.scope = 'connection' THEN coalesce('connection:' || judged.connection_id, 'tenant')
                ELSE 'tenant' END AS key
) scope
LEFT JOIN LATERAL (
    SELECT id, status, reason_code, message, finished_at FROM operation_runs r
    WHERE r.tenant_id = :tenant AND r.task_type = t.name AND r.state IN {ANSWERED_STATES}
      AND NOT r.dry_run AND r.scope_key = scope.key AND least(r.finished_at, r.last_heard_at) <= :as_of
    ORDER BY r.finished_at DESC, r.id DESC LIMIT 1
) counted ON true
LEFT JOIN LATERAL (
    SELECT id FROM operation_runs r
    WHERE r.tenant_id = :tenant AND r.task_type = t.name AND NOT r.dry_run AND r.scope_key = scope.key
      AND r.created_at <= :as_of
    ORDER BY r.id DESC LIMIT 1
) latest ON true
ORDER BY t.step, t.name
""")  # noqa: S608 - no input, only constants


async def read_reported_session(tx: AsyncConnection, tenant_id: int, session_id: int) -> ReportedSession | None:
    """Return a session with the customer's name; None if the tenant has none with this id."""
    row = (await tx.execute(_SESSION, {"tenant": tenant_id, "id": session_id})).one_or_none()
    if row is None:
        return None
    return ReportedSession(
        id=row.id,
        customer=Customer(tenant_id, row.display_name or f"Tenant {tenant_id}", row.external_tenant_id, row.cloud),
        status=SessionStatus(row.status),
        current_step=row.current_step,
        provider_connection_id=row.provider_connection_id,
        created_at=row.created_at,
        as_of=row.as_of,
        now=row.now,
    )


async def read_reported_tasks(tx: AsyncConnection, session: ReportedSession) -> list[ReportedTask]:
    """Return every task type with the run that counted at the time of the report, by step and name."""
    parameters = {
        "tenant": session.customer.tenant_id,
        "chosen": session.provider_connection_id,
        "as_of": session.as_of,
        "fresh_seconds": FRESH_SECONDS,
    }
    return [_task(row) for row in await tx.execute(_TASKS, parameters)]


def _task(row: Row[Any]) -> ReportedTask:
    run = None
    if row.run_id is not None:
        run = CountedRun(row.run_id, CheckStatus(row.status), row.reason_code, row.message, row.finished_at)
    return ReportedTask(
        name=row.name,
        title=row.title,
        description=row.description or "",
        step=row.step,
        required=row.required,
        fresh_seconds=row.fresh_seconds,
        not_chosen=row.not_chosen and row.scope == Scope.CONNECTION,
        last_run_id=row.last_run_id,
        run=run,
    )
