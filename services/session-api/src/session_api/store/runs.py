"""The SQL of reading runs, requesting their cancellation and bringing them forward."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import ACTIVE
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.metrics_page import COUNTED_AT_MOST
from onboarding_shared.telemetry.metrics import Gauge
from session_api.store.states import ACTIVE_STATES

_COLUMNS = """id, tenant_id, task_type, state, attempt, progress_done, progress_total, progress_message, status,
       reason_code, message, resume_at, session_id, provider_connection_id, requested_by_user_id, created_at,
       started_at, finished_at, cancel_requested_at, cancel_requested_by_user_id, retry_of_run_id,
       CAST(inputs AS text) AS inputs, dry_run"""

_FIND = text(f"SELECT {_COLUMNS} FROM operation_runs WHERE tenant_id = :tenant AND id = :id")  # noqa: S608 - no input, only constants
_LOCK = text(f"SELECT {_COLUMNS} FROM operation_runs WHERE tenant_id = :tenant AND id = :id FOR NO KEY UPDATE")  # noqa: S608 - no input, only constants
_CHOSEN = "unnest(CAST(:tenants AS bigint[]), CAST(:ids AS bigint[])) AS chosen (of_tenant, run_id)"
_FIND_CHOSEN = f"""
SELECT {_COLUMNS} FROM operation_runs WHERE (tenant_id, id) IN (SELECT of_tenant, run_id FROM {_CHOSEN})
ORDER BY tenant_id, id
"""  # noqa: S608 - no input, only constants
_FIND_RUNS = text(_FIND_CHOSEN)
_LOCK_RUNS = text(f"{_FIND_CHOSEN} FOR NO KEY UPDATE")
_LIST = text(f"""
SELECT {_COLUMNS} FROM operation_runs
WHERE tenant_id = :tenant AND id < :before
  AND (CAST(:task_type AS text) IS NULL OR task_type = :task_type)
  AND (CAST(:states AS text[]) IS NULL OR state = ANY(CAST(:states AS text[])))
  AND (CAST(:session AS bigint) IS NULL OR session_id = :session)
  AND (CAST(:older_than AS float8) IS NULL OR created_at < now() - make_interval(secs => :older_than))
ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - no input, only constants
_OF_ALL = f"""
SELECT {_COLUMNS} FROM operation_runs
WHERE {{}} id < :before AND (CAST(:tenants AS bigint[]) IS NULL OR tenant_id = ANY(CAST(:tenants AS bigint[])))
  AND (CAST(:task_type AS text) IS NULL OR task_type = :task_type)
  AND (CAST(:states AS text[]) IS NULL OR state = ANY(CAST(:states AS text[])))
  AND (CAST(:older_than AS float8) IS NULL OR created_at < now() - make_interval(secs => :older_than))
ORDER BY id DESC LIMIT :limit
"""  # noqa: S608 - no input, only constants
_LIST_OF_ALL = text(_OF_ALL.format(""))
# With the partial index of active runs its cost does not depend on the number of ended runs.
_LIST_ACTIVE_OF_ALL = text(_OF_ALL.format(f"state IN {ACTIVE_STATES} AND"))
_CANCEL = text(f"""
UPDATE operation_runs
SET state = 'cancelling', cancel_requested_at = now(), cancel_requested_by_user_id = :user, repeats = 0,
    resend_due_at = now() + make_interval(secs => :silence)
FROM {_CHOSEN}
WHERE tenant_id = of_tenant AND id = run_id
RETURNING {_COLUMNS}
""")  # noqa: S608 - no input, only constants

_CANCEL_OF_CONNECTION = text(f"""
UPDATE operation_runs
SET state = 'cancelling', cancel_requested_at = now(), cancel_requested_by_user_id = :user, repeats = 0,
    resend_due_at = now() + make_interval(secs => :silence)
WHERE tenant_id = :tenant AND provider_connection_id = :connection AND state IN {ACTIVE_STATES}
  AND state <> 'cancelling'
RETURNING {_COLUMNS}
""")  # noqa: S608 - no input, only constants

_BRING_FORWARD = text(f"""
UPDATE operation_runs
SET resume_at = now(), repeats = 0, resend_due_at = now() + make_interval(secs => :silence)
WHERE tenant_id = :tenant AND id = :id
RETURNING {_COLUMNS}
""")  # noqa: S608 - no input, only names of ours


RunName = tuple[int, int]
"""Tenant and id of a run."""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A stored run."""

    id: int
    tenant_id: int
    task_type: str
    state: RunState
    attempt: int
    progress_done: int | None
    progress_total: int | None
    progress_message: str | None
    status: str | None
    reason_code: str | None
    message: str | None
    resume_at: datetime | None
    session_id: int | None
    provider_connection_id: int | None
    requested_by_user_id: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancel_requested_at: datetime | None
    cancel_requested_by_user_id: int | None
    retry_of_run_id: int | None
    inputs: dict[str, Any] | None
    dry_run: bool


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Conditions on runs; None matches all."""

    task_type: str | None = None
    states: Sequence[RunState] | None = None
    session_id: int | None = None
    older_than_seconds: float | None = None


async def find_run(tx: AsyncConnection, tenant_id: int, run_id: int, *, lock: bool = False) -> StoredRun | None:
    """Return a run, or None if the tenant has none with this id. ``lock``: lock its row until the transaction ends."""
    statement = _LOCK if lock else _FIND
    row = (await tx.execute(statement, {"tenant": tenant_id, "id": run_id})).one_or_none()
    return None if row is None else _run(row)


async def find_runs(tx: AsyncConnection, chosen: Sequence[RunName], *, lock: bool = False) -> dict[RunName, StoredRun]:
    """The runs with these tenants and ids, as far as there are any. ``lock``: as in ``find_run``."""
    runs = [_run(row) for row in await tx.execute(_LOCK_RUNS if lock else _FIND_RUNS, _chosen(chosen))]
    return {(run.tenant_id, run.id): run for run in runs}


async def list_runs(
    tx: AsyncConnection, tenant_id: int, wanted: RunFilter, *, before: int, limit: int
) -> list[StoredRun]:
    """Return up to ``limit`` runs with ids less than ``before``, newest first."""
    rows = await tx.execute(
        _LIST,
        {
            "tenant": tenant_id,
            "before": before,
            "task_type": wanted.task_type,
            "states": None if wanted.states is None else [state.value for state in wanted.states],
            "session": wanted.session_id,
            "older_than": wanted.older_than_seconds,
            "limit": limit,
        },
    )
    return [_run(row) for row in rows]


async def list_runs_of_all(
    tx: AsyncConnection, tenants: Collection[int] | None, wanted: RunFilter, *, before: int, limit: int
) -> list[StoredRun]:
    """Return up to ``limit`` runs of these tenants (None = all) with ids less than ``before``, newest first."""
    only_active = wanted.states is not None and ACTIVE.issuperset(wanted.states)
    rows = await tx.execute(
        _LIST_ACTIVE_OF_ALL if only_active else _LIST_OF_ALL,
        {
            "tenants": None if tenants is None else sorted(tenants),
            "before": before,
            "task_type": wanted.task_type,
            "states": None if wanted.states is None else [state.value for state in wanted.states],
            "older_than": wanted.older_than_seconds,
            "limit": limit,
        },
    )
    return [_run(row) for row in rows]


async def request_cancellations(
    tx: AsyncConnection, chosen: Sequence[RunName], user_id: int, silence_seconds: float
) -> list[StoredRun]:
    """Set active runs to ``cancelling`` and return them."""
    values = {**_chosen(chosen), "user": user_id, "silence": silence_seconds}
    return [_run(row) for row in await tx.execute(_CANCEL, values)]


async def cancel_runs_of_connection(
    tx: AsyncConnection, tenant_id: int, connection_id: int, user_id: int, silence_seconds: float
) -> list[StoredRun]:
    """Set the active runs of a connection to ``cancelling`` and return them, except those that are already so."""
    values = {"tenant": tenant_id, "connection": connection_id, "user": user_id, "silence": silence_seconds}
    return [_run(row) for row in await tx.execute(_CANCEL_OF_CONNECTION, values)]


async def bring_forward(tx: AsyncConnection, tenant_id: int, run_id: int, silence_seconds: float) -> StoredRun:
    """Set that a waiting run is due now."""
    rows = await tx.execute(_BRING_FORWARD, {"tenant": tenant_id, "id": run_id, "silence": silence_seconds})
    return _run(rows.one())


def _chosen(chosen: Sequence[RunName]) -> dict[str, list[int]]:
    return {"tenants": [tenant_id for tenant_id, _ in chosen], "ids": [run_id for _, run_id in chosen]}


def _run(row: Row[Any]) -> StoredRun:
    columns: dict[str, Any] = {field.name: getattr(row, field.name) for field in fields(StoredRun)}
    columns["state"] = RunState(row.state)
    columns["inputs"] = None if row.inputs is None else msgspec.json.decode(row.inputs)
    return StoredRun(**columns)


RUNS_ACTIVE = Gauge("onboarding_runs_active", "Runs that have not ended; 10000 = that or more", "state")

_ACTIVE_ROWS = ", ".join(f"('{state}')" for state in RunState if state in ACTIVE)

# Uses the partial index of active runs; its cost does not depend on the number of ended runs.
ACTIVE_RUNS = f"""
SELECT '{RUNS_ACTIVE.name}', s.state, CAST(count(r.state) AS float8)
FROM (VALUES {_ACTIVE_ROWS}) s (state)
LEFT JOIN (SELECT state FROM operation_runs WHERE state IN {ACTIVE_STATES}
           LIMIT {COUNTED_AT_MOST}) r USING (state)
GROUP BY s.state
"""  # noqa: S608 - no input, only constants
