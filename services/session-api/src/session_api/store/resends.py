"""The SQL of resends: selects active runs without a message from the runner within the timeout."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.session_api import TaskConnection
from onboarding_shared.contracts.types import RunState
from session_api.store.states import ACTIVE_STATES, previously_ok

LONGEST_TIMEOUT_SECONDS = 600.0
REPEATS_ONCE_QUEUED = 3
"""A run that the runner keeps in its queue counts as asked about at least so often: a long queue is no silence."""


def interval(repeats: str) -> str:
    """Return the SQL of the time until a command is sent again, for the SQL of the number of repeats so far."""
    return f"make_interval(secs => least({LONGEST_TIMEOUT_SECONDS}, :silence * power(2.0, least({repeats}, 32))))"


# MATERIALIZED prevents the planner from running the subquery with LIMIT more than once, which would lock more rows.
_TAKE = text(f"""
WITH due AS MATERIALIZED (
    SELECT tenant_id, id FROM operation_runs
    WHERE resend_due_at <= now() AND state IN {ACTIVE_STATES}
    ORDER BY resend_due_at LIMIT :limit
    FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
    UPDATE operation_runs r
    SET repeats = r.repeats + 1,
        resend_due_at = greatest(now(), CASE WHEN r.state = 'waiting' THEN r.resume_at END)
                        + {interval("r.repeats + 1")}
    FROM due WHERE r.tenant_id = due.tenant_id AND r.id = due.id
    RETURNING r.*
)
SELECT t.tenant_id, t.id AS run_id, t.task_type, t.session_id, t.requested_by_user_id, t.created_at, t.traceparent,
       t.state, CAST(t.inputs AS text) AS inputs, t.dry_run, t.repeats,
       t.last_heard_at IS NOT NULL AS ever_answered, t.cancel_requested_at,
       t.cancel_requested_by_user_id, {previously_ok("t")},
       c.id AS connection_id, c.provider, c.external_tenant_id, c.client_id, c.credential_ref, c.cloud
FROM taken t
LEFT JOIN provider_connections c ON c.tenant_id = t.tenant_id AND c.id = t.provider_connection_id
ORDER BY t.tenant_id, t.id
""")  # noqa: S608 - no input, only constants


@dataclass(frozen=True, slots=True)
class OverdueRun:
    """An active run whose command must be sent again; ``repeats`` counts this resend too."""

    tenant_id: int
    run_id: int
    task_type: str
    session_id: int | None
    requested_by_user_id: int
    created_at: datetime
    traceparent: str | None
    state: RunState
    repeats: int
    ever_answered: bool
    cancel_requested_at: datetime | None
    cancel_requested_by_user_id: int | None
    previously_ok: bool
    connection: TaskConnection | None
    inputs: dict[str, Any] | None
    dry_run: bool


async def take_overdue_runs(tx: AsyncConnection, *, limit: int, silence_seconds: float) -> list[OverdueRun]:
    """Lock and return the overdue runs, and set the next time of each: the interval doubles, up to 10 minutes."""
    rows = await tx.execute(_TAKE, {"limit": limit, "silence": silence_seconds})
    return [_overdue_run(row) for row in rows]


def _overdue_run(row: Row[Any]) -> OverdueRun:
    return OverdueRun(
        tenant_id=row.tenant_id,
        run_id=row.run_id,
        task_type=row.task_type,
        session_id=row.session_id,
        requested_by_user_id=row.requested_by_user_id,
        created_at=row.created_at,
        traceparent=row.traceparent,
        state=RunState(row.state),
        repeats=row.repeats,
        ever_answered=row.ever_answered,
        cancel_requested_at=row.cancel_requested_at,
        cancel_requested_by_user_id=row.cancel_requested_by_user_id,
        previously_ok=row.previously_ok,
        connection=None if row.connection_id is None else _connection(row),
        inputs=None if row.inputs is None else msgspec.json.decode(row.inputs),
        dry_run=row.dry_run,
    )


def _connection(row: Row[Any]) -> TaskConnection:
    return TaskConnection(
        id=row.connection_id,
        provider=row.provider,
        external_tenant_id=row.external_tenant_id,
        client_id=row.client_id,
        credential_ref=row.credential_ref,
        cloud=row.cloud,
    )
