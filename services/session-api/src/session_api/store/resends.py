"""Runs whose runner has been silent for too long."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.session_api import ProviderConnection
from onboarding_shared.contracts.types import RunState
from session_api.domain.resend import LONGEST_SECONDS

# MATERIALIZED: the planner may otherwise run the limited query more than once and take too many rows.
_TAKE = text(f"""
WITH due AS MATERIALIZED (
    SELECT tenant_id, id FROM operation_runs
    WHERE resend_due_at <= now() AND state IN ('queued', 'running', 'waiting', 'cancelling')
    ORDER BY resend_due_at LIMIT :limit
    FOR NO KEY UPDATE SKIP LOCKED
), taken AS (
    UPDATE operation_runs r
    SET repeats = r.repeats + 1,
        resend_due_at = greatest(now(), CASE WHEN r.state = 'waiting' THEN r.resume_at END) + make_interval(
            secs => least({LONGEST_SECONDS}, :silence * power(2.0, least(r.repeats + 1, 32))))
    FROM due WHERE r.tenant_id = due.tenant_id AND r.id = due.id
    RETURNING r.*
)
SELECT t.tenant_id, t.id, t.task_type, t.session_id, t.requested_by_user_id, t.created_at, t.traceparent, t.state,
       t.repeats, t.last_heard_at IS NOT NULL, t.cancel_requested_at, t.cancel_requested_by_user_id,
       c.id, c.provider, c.external_tenant_id, c.client_id, c.credential_ref, c.cloud
FROM taken t
LEFT JOIN provider_connections c ON c.tenant_id = t.tenant_id AND c.id = t.provider_connection_id
ORDER BY t.tenant_id, t.id
""")  # noqa: S608 - no input, only names of ours


@dataclass(frozen=True, slots=True)
class SilentRun:
    """An active run of which nothing was heard for too long; ``repeats`` counts the coming repetition too."""

    tenant_id: int
    run_id: int
    task_type: str
    session_id: int | None
    requested_by_user_id: int
    created_at: datetime
    traceparent: str | None
    state: RunState
    repeats: int
    ever_heard: bool
    cancel_requested_at: datetime | None
    cancel_requested_by_user_id: int | None
    connection: ProviderConnection | None


async def take_silent_runs(tx: AsyncConnection, *, limit: int, silence_seconds: float) -> list[SilentRun]:
    """Take the runs that are due, and set when each is due again: after twice as long each time, 10 minutes at most."""
    rows = await tx.execute(_TAKE, {"limit": limit, "silence": silence_seconds})
    return [_silent(row) for row in rows]


def _silent(row: Sequence[Any]) -> SilentRun:
    tenant_id, run_id, task_type, session_id, user_id, created_at, traceparent, state, repeats, ever_heard = row[:10]
    cancel_at, cancel_by, connection_id, provider, external_tenant_id, client_id, credential_ref, cloud = row[10:]
    return SilentRun(
        tenant_id=tenant_id,
        run_id=run_id,
        task_type=task_type,
        session_id=session_id,
        requested_by_user_id=user_id,
        created_at=created_at,
        traceparent=traceparent,
        state=RunState(state),
        repeats=repeats,
        ever_heard=ever_heard,
        cancel_requested_at=cancel_at,
        cancel_requested_by_user_id=cancel_by,
        connection=None
        if connection_id is None
        else ProviderConnection(
            id=connection_id,
            provider=provider,
            external_tenant_id=external_tenant_id,
            client_id=client_id,
            credential_ref=credential_ref,
            cloud=cloud,
        ),
    )
