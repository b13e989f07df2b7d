"""The SQL of task types: announcements, and the latest result of each in a tenant."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.task_runner import DeclaredReason, TaskTypeDeclaration
from onboarding_shared.contracts.types import CheckStatus, Mode, RunState, Scope
from session_api.domain.customers import ActiveRun
from session_api.domain.freshness import NO_CONNECTION_CHOSEN, LatestResult, current_result
from session_api.domain.guard import ActiveRun as GuardedRun
from session_api.domain.guard import Blocked, decide, scope_key
from session_api.domain.readiness import TaskReadiness
from session_api.domain.sessions import KEEP, Keep
from session_api.store.states import ACTIVE_STATES, ANSWERED_STATES, OPEN_STATUSES

_UPSERT = text("""
INSERT INTO task_types AS t (name, declaration, step, scope, mode, required, time_limit_seconds)
SELECT d ->> 'name', d, (d ->> 'step')::integer, d ->> 'scope', d ->> 'mode', (d ->> 'required')::boolean,
       (d ->> 'time_limit_seconds')::double precision
FROM jsonb_array_elements(CAST(:declarations AS jsonb)) AS announced (d)
ORDER BY d ->> 'name'
ON CONFLICT (name) DO UPDATE
SET declaration = excluded.declaration, step = excluded.step, scope = excluded.scope, mode = excluded.mode,
    required = excluded.required, time_limit_seconds = excluded.time_limit_seconds, announced_at = now()
""")
# Measured from the latest announcement: while no runner announces anything, no task type is withdrawn.
_WITHDRAW = text("""
DELETE FROM task_types
WHERE announced_at < (SELECT max(announced_at) FROM task_types) - make_interval(secs => :seconds)
  AND (NOT required OR name = ANY(CAST(:released AS text[])))
""")
_REQUIRED = text("""
SELECT CAST(declaration AS text) AS declaration,
       announced_at < (SELECT max(announced_at) FROM task_types) - make_interval(secs => :seconds) AS dropped
FROM task_types WHERE required
""")
_LIST = text("SELECT coalesce(json_agg(declaration ORDER BY step, name), '[]')::text FROM task_types")
# A jsonpath passes over what was announced without reasons.
_REASONS = text("""
SELECT coalesce(json_agg(reason ORDER BY name, place), '[]')::text
FROM task_types, jsonb_path_query(declaration, '$.reasons[*]') WITH ORDINALITY AS declared (reason, place)
""")
_ANY = text("SELECT count(*) FROM task_types")
# Four index look-ups per task type, however many runs the tenant has had. A dry run is no verdict.
_SUMMARIES = text(f"""
WITH chosen AS (
    SELECT CASE WHEN :of_session THEN (
        SELECT provider_connection_id FROM onboarding_sessions WHERE tenant_id = :tenant AND status IN {OPEN_STATUSES}
    ) ELSE CAST(:chosen AS bigint) END AS connection_id
), enabled AS (
    SELECT count(*) AS count, min(id) AS first_id FROM provider_connections
    WHERE tenant_id = :tenant AND disabled_at IS NULL
), judged AS (
    SELECT coalesce(chosen.connection_id, CASE WHEN count = 1 THEN first_id END) AS connection_id,
           chosen.connection_id IS NULL AND count > 1 AS not_chosen
    FROM enabled CROSS JOIN chosen
)
SELECT t.name, t.step, t.required, t.scope, now() AS now, latest.id AS last_run_id,
       judged.connection_id, judged.not_chosen,
       coalesce(CAST(t.declaration ->> 'fresh_seconds' AS float8), :fresh_seconds) AS fresh_seconds,
       finished.status, finished.reason_code, finished.message, finished.finished_at,
       coalesce(t.declaration ->> 'title', t.name) AS title,
       coalesce(t.declaration ->> 'description', '') AS description,
       coalesce(t.declaration ->> 'distribution', '') AS distribution, t.mode, guarded.runs, active.*
FROM task_types t
CROSS JOIN judged
CROSS JOIN (
    SELECT coalesce(json_agg(json_build_object('run_id', r.id, 'task_type', r.task_type, 'scope_key', r.scope_key,
                                               'mode', r.mode, 'state', r.state) ORDER BY r.id), '[]')::text AS runs
    FROM operation_runs r WHERE r.tenant_id = :tenant AND r.state IN {ACTIVE_STATES}
) guarded
LEFT JOIN LATERAL (
    SELECT status, reason_code, message, finished_at FROM operation_runs r
    WHERE r.tenant_id = :tenant AND r.task_type = t.name AND r.state IN {ANSWERED_STATES}
      AND NOT r.dry_run
      AND r.scope_key = CASE WHEN t.scope = 'connection' THEN coalesce('connection:' || judged.connection_id, 'tenant')
                             ELSE 'tenant' END
    ORDER BY r.finished_at DESC, r.id DESC LIMIT 1
) finished ON true
LEFT JOIN LATERAL (
    SELECT id FROM operation_runs r
    WHERE r.tenant_id = :tenant AND r.task_type = t.name
      AND NOT r.dry_run
      AND r.scope_key = CASE WHEN t.scope = 'connection' THEN coalesce('connection:' || judged.connection_id, 'tenant')
                             ELSE 'tenant' END
    ORDER BY r.id DESC LIMIT 1
) latest ON true
LEFT JOIN LATERAL (
    SELECT r.id AS active_id, r.state, r.attempt, r.reason_code AS active_reason,
           r.message AS active_message, r.resume_at, r.progress_done,
           r.progress_total, r.progress_message, r.started_at
    FROM operation_runs r
    WHERE r.tenant_id = :tenant AND r.task_type = t.name AND r.state IN {ACTIVE_STATES}
      AND r.scope_key = CASE WHEN t.scope = 'connection' THEN coalesce('connection:' || judged.connection_id, 'tenant')
                             ELSE 'tenant' END
    LIMIT 1
) active ON true
ORDER BY t.step, t.name
""")  # noqa: S608 - no input, only constants
_declaration = msgspec.json.Decoder(TaskTypeDeclaration)
_declarations = msgspec.json.Decoder(list[TaskTypeDeclaration])
_reasons = msgspec.json.Decoder(list[DeclaredReason])
_guarded = msgspec.json.Decoder(list[GuardedRun])

FRESH_SECONDS = 604_800.0
"""Freshness period in seconds of a declaration that was stored without one."""
WITHDRAWN_AFTER_SECONDS = 900
"""Seconds without an announcement after which a task type is withdrawn. Runners announce every minute."""


@dataclass(frozen=True, slots=True)
class TaskSummary:
    """A task type, its latest result in a tenant, and the run of it that has not ended.

    ``connection_id`` is the provider connection that the result belongs to, None for a task of the whole tenant;
    ``finished_at`` is the end of the run that the result is of. ``blocked_by`` would have to end before a start.
    """

    readiness: TaskReadiness
    connection_id: int | None
    reason_code: str | None
    message: str | None
    last_run_id: int | None
    expires_at: datetime | None
    title: str
    description: str
    distribution: str
    finished_at: datetime | None
    active_run: ActiveRun | None
    blocked_by: GuardedRun | None


class RequiredTaskType(NamedTuple):
    """A required task type as it is stored; ``dropped``: no runner has announced it for 15 minutes."""

    declaration: TaskTypeDeclaration
    dropped: bool


async def required_task_types(tx: AsyncConnection) -> dict[str, RequiredTaskType]:
    """Return the required task types by name."""
    rows = await tx.execute(_REQUIRED, {"seconds": WITHDRAWN_AFTER_SECONDS})
    required = [RequiredTaskType(_declaration.decode(row.declaration), row.dropped) for row in rows]
    return {task_type.declaration.name: task_type for task_type in required}


async def upsert_task_types(
    tx: AsyncConnection, declarations: Sequence[TaskTypeDeclaration], released: Collection[str] = ()
) -> None:
    """Store an announcement, and delete the task types that no runner has announced for 15 minutes.

    Of the required ones only those that are ``released`` are deleted.
    """
    await tx.execute(_WITHDRAW, {"seconds": WITHDRAWN_AFTER_SECONDS, "released": sorted(released)})
    await tx.execute(_UPSERT, {"declarations": msgspec.json.encode(declarations).decode()})


async def list_task_types(tx: AsyncConnection) -> list[TaskTypeDeclaration]:
    """Return the announced task types, by step and name."""
    return _declarations.decode((await tx.execute(_LIST)).scalar_one())


async def list_declared_reasons(tx: AsyncConnection) -> list[DeclaredReason]:
    """Return the reason codes of the announced task types, by name of the task type and as declared."""
    return _reasons.decode((await tx.execute(_REASONS)).scalar_one())


async def count_task_types(tx: AsyncConnection) -> int:
    """Return the number of announced task types."""
    return (await tx.execute(_ANY)).scalar_one()


async def summarize_tasks(tx: AsyncConnection, tenant_id: int, chosen: int | Keep | None = KEEP) -> list[TaskSummary]:
    """Return every task type with its current result: see ``freshness.current_result``.

    Tasks of scope ``connection`` are judged by the runs of the connection ``chosen``, by default the open session's, or
    if None of the only enabled one: a result of another connection does not count.
    """
    of_session = isinstance(chosen, Keep)
    parameters = {
        "tenant": tenant_id,
        "of_session": of_session,
        "chosen": None if of_session else chosen,
        "fresh_seconds": FRESH_SECONDS,
    }
    rows = (await tx.execute(_SUMMARIES, parameters)).all()
    active = _guarded.decode(rows[0].runs) if rows else []
    return [_summary(row, active) for row in rows]


def _summary(row: Row[Any], active: Sequence[GuardedRun]) -> TaskSummary:
    latest = None
    if row.status is not None:
        latest = LatestResult(CheckStatus(row.status), row.reason_code, row.message, row.finished_at, row.fresh_seconds)
    current = current_result(latest, row.last_run_id, row.now)
    by_connection = row.scope == Scope.CONNECTION
    if by_connection and row.not_chosen:
        current = NO_CONNECTION_CHOSEN
    return TaskSummary(
        readiness=TaskReadiness(row.name, row.step, row.required, current.status),
        connection_id=row.connection_id if by_connection else None,
        reason_code=current.reason_code,
        message=current.message,
        last_run_id=row.last_run_id,
        expires_at=current.expires_at,
        title=row.title,
        description=row.description,
        distribution=row.distribution,
        finished_at=row.finished_at,
        active_run=_active(row),
        blocked_by=_blocking(row, active),
    )


def _blocking(row: Row[Any], active: Sequence[GuardedRun]) -> GuardedRun | None:
    """The run that blocks a start of the task of this row, as the guard decides; not an active run of the task."""
    if row.active_id is not None:
        return None
    decision = decide(row.name, Mode(row.mode), scope_key(Scope(row.scope), row.connection_id), active)
    return decision.run if isinstance(decision, Blocked) else None


def _active(row: Row[Any]) -> ActiveRun | None:
    if row.active_id is None:
        return None
    return ActiveRun(
        id=row.active_id,
        task_type=row.name,
        title=row.title,
        state=RunState(row.state),
        attempt=row.attempt,
        reason_code=row.active_reason,
        message=row.active_message,
        resume_at=row.resume_at,
        progress_done=row.progress_done,
        progress_total=row.progress_total,
        progress_message=row.progress_message,
        started_at=row.started_at,
    )
