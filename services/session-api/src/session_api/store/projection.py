"""The SQL of the projection: a batch of runs is locked and updated in one statement each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import CheckStatus, RunState
from session_api.domain.projection import RunView
from session_api.store.json_values import optional_json
from session_api.store.resends import REPEATS_ONCE_QUEUED, interval

TenantRunId = tuple[int, int]
"""Tenant id and run id."""

# Rows are locked in a fixed order, so that two batches cannot deadlock.
_LOCK = text("""
SELECT r.tenant_id, r.id, r.state, r.attempt, r.progress_done, r.progress_total, r.progress_message, r.status,
       r.reason_code, r.message, r.resume_at, r.started_at, r.finished_at
FROM operation_runs r
JOIN unnest(CAST(:tenants AS bigint[]), CAST(:runs AS bigint[])) AS wanted (tenant_id, id) USING (tenant_id, id)
ORDER BY r.tenant_id, r.id
FOR NO KEY UPDATE OF r
""")
_REPEATS = f"CASE WHEN h.state = 'queued' THEN greatest(r.repeats, {REPEATS_ONCE_QUEUED}) ELSE 0 END"
_SAVE = text(f"""
UPDATE operation_runs r
SET state = h.state, attempt = h.attempt, progress_done = h.progress_done, progress_total = h.progress_total,
    progress_message = h.progress_message, status = h.status, reason_code = h.reason_code, message = h.message,
    resume_at = h.resume_at, started_at = h.started_at, finished_at = h.finished_at,
    offered_inputs = coalesce(CAST(h.offered_inputs AS json), r.offered_inputs),
    last_heard_at = now(), repeats = {_REPEATS},
    resend_due_at = greatest(now(), CASE WHEN h.state = 'waiting' THEN h.resume_at END)
                    + {interval(_REPEATS)}
FROM unnest(CAST(:tenants AS bigint[]), CAST(:runs AS bigint[]), CAST(:states AS text[]), CAST(:attempts AS integer[]),
            CAST(:dones AS bigint[]), CAST(:totals AS bigint[]), CAST(:progress_messages AS text[]),
            CAST(:statuses AS text[]), CAST(:reasons AS text[]), CAST(:messages AS text[]),
            CAST(:resumes AS timestamptz[]), CAST(:starts AS timestamptz[]), CAST(:finishes AS timestamptz[]),
            CAST(:offers AS text[]))
     AS h (tenant_id, id, state, attempt, progress_done, progress_total, progress_message, status, reason_code, message,
           resume_at, started_at, finished_at, offered_inputs)
WHERE r.tenant_id = h.tenant_id AND r.id = h.id
""")  # noqa: S608 - no input, only constants


async def lock_runs(tx: AsyncConnection, run_ids: Sequence[TenantRunId]) -> dict[TenantRunId, RunView]:
    """Return these runs, and lock their rows until the end of the transaction. Unknown runs are omitted."""
    rows = await tx.execute(
        _LOCK, {"tenants": [tenant_id for tenant_id, _ in run_ids], "runs": [run_id for _, run_id in run_ids]}
    )
    return {(row.tenant_id, row.id): _view(row) for row in rows}


async def save_runs(tx: AsyncConnection, views: Mapping[TenantRunId, RunView], silence_seconds: float) -> None:
    """Update the runs, and restart the timeout after which the command of each is sent again.

    The timeout of a run that the runner keeps in its queue is longer, and doubles with every answer.
    The timeout of a waiting run starts at its ``resume_at``, because the runner publishes nothing before that time.
    """
    if not views:
        return
    keys, values = list(views), list(views.values())
    await tx.execute(
        _SAVE,
        {
            "tenants": [tenant_id for tenant_id, _ in keys],
            "runs": [run_id for _, run_id in keys],
            "states": [view.state.value for view in values],
            "attempts": [view.attempt for view in values],
            "dones": [view.progress_done for view in values],
            "totals": [view.progress_total for view in values],
            "progress_messages": [view.progress_message for view in values],
            "statuses": [None if view.status is None else view.status.value for view in values],
            "reasons": [view.reason_code for view in values],
            "messages": [view.message for view in values],
            "resumes": [view.resume_at for view in values],
            "starts": [view.started_at for view in values],
            "finishes": [view.finished_at for view in values],
            "offers": [optional_json(view.offered_inputs) for view in values],
            "silence": silence_seconds,
        },
    )


def _view(row: Row[Any]) -> RunView:
    return RunView(
        state=RunState(row.state),
        attempt=row.attempt,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        progress_message=row.progress_message,
        status=None if row.status is None else CheckStatus(row.status),
        reason_code=row.reason_code,
        message=row.message,
        resume_at=row.resume_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
