"""The SQL of starts: a batch is read and inserted in one statement each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_api.domain.starting import Planned, Start, StartContext, compared_runs
from session_api.store.connections import needed_connections
from session_api.store.json_values import optional_json
from session_api.store.states import ACTIVE_STATES, OPEN_STATUSES, previously_ok

# DO UPDATE … WHERE false locks an existing row without writing a new row version; missing rows are inserted. One
# statement locks all rows in a fixed order, so that two batches cannot deadlock.
_LOCK = text("""
INSERT INTO tenant_guards AS g (tenant_id)
SELECT DISTINCT tenant_id FROM unnest(CAST(:tenants AS bigint[])) AS wanted (tenant_id) ORDER BY tenant_id
ON CONFLICT (tenant_id) DO UPDATE SET tenant_id = g.tenant_id WHERE false
""")


async def lock_tenants(tx: AsyncConnection, tenant_ids: Iterable[int]) -> None:
    """Lock the guard rows of these tenants until the end of the transaction."""
    await tx.execute(_LOCK, {"tenants": sorted(set(tenant_ids))})


RunKey = tuple[int, str, str]
"""Tenant id, scope key and task type: unique among the active runs."""

_NAMED = "unnest(CAST(:named_tenants AS bigint[]), CAST(:named AS bigint[])) AS n (tenant_id, id)"

# One JSON value: one round trip, decoded directly into a StartContext.
_LOAD = text(f"""
SELECT json_build_object(
  'now', now(),
  'runs', (SELECT coalesce(json_agg(r ORDER BY r.run_id), '[]') FROM (
      SELECT o.tenant_id, o.id AS run_id, o.task_type, o.scope_key, o.mode, o.state, o.created_at AS since,
             o.inputs IS NOT NULL AS has_inputs, o.dry_run, p.cloud || '/' || p.external_tenant_id AS target
      FROM operation_runs o
      LEFT JOIN provider_connections p ON p.tenant_id = o.tenant_id AND p.id = o.provider_connection_id
      WHERE o.tenant_id = ANY(CAST(:tenants AS bigint[])) AND state IN {ACTIVE_STATES}) r),
  'sessions', (SELECT coalesce(json_agg(s), '[]') FROM (
      SELECT tenant_id, id, status, provider_connection_id FROM onboarding_sessions
      WHERE tenant_id = ANY(CAST(:tenants AS bigint[])) AND status IN {OPEN_STATUSES}) s),
  'connections', (SELECT coalesce(json_agg(c), '[]') FROM (
      {needed_connections(_NAMED)}) c),
  'rules', (SELECT coalesce(json_agg(t), '[]') FROM (
      SELECT name, scope, mode, time_limit_seconds,
             CASE WHEN name = ANY(CAST(:task_types AS text[])) THEN declaration -> 'inputs_schema' END AS inputs_schema,
             coalesce(CAST(declaration ->> 'supports_dry_run' AS boolean), false) AS supports_dry_run,
             coalesce(declaration -> 'inputs_from', '{{}}') AS inputs_from
      FROM task_types) t),
  'offers', (SELECT coalesce(json_agg(o), '[]') FROM (
      SELECT offer.* FROM unnest(CAST(:tenants AS bigint[])) AS wanted (tenant_id)
      CROSS JOIN (SELECT DISTINCT source.value AS task_type
                  FROM task_types t CROSS JOIN LATERAL jsonb_each_text(t.declaration -> 'inputs_from') source
                  WHERE t.name = ANY(CAST(:task_types AS text[]))) AS source
      CROSS JOIN LATERAL (
          SELECT DISTINCT ON (r.provider_connection_id, r.session_id)
                 r.tenant_id, r.task_type, r.provider_connection_id AS connection_id, r.session_id,
                 r.offered_inputs AS inputs
          FROM operation_runs r
          WHERE r.tenant_id = wanted.tenant_id AND r.task_type = source.task_type
            AND r.session_id IS NOT DISTINCT FROM (
                SELECT id FROM onboarding_sessions
                WHERE tenant_id = wanted.tenant_id AND status IN {OPEN_STATUSES})
            AND r.offered_inputs IS NOT NULL AND NOT r.dry_run
          ORDER BY r.provider_connection_id, r.session_id, r.id DESC) AS offer) o)
)::text
""")  # noqa: S608 - no input, only constants

_INPUTS = text("""
SELECT json_object_agg(o.id, o.inputs)::text
FROM unnest(CAST(:tenants AS bigint[]), CAST(:ids AS bigint[])) AS n (tenant_id, id)
JOIN operation_runs o ON o.tenant_id = n.tenant_id AND o.id = n.id
""")

_INSERT = text(f"""
INSERT INTO operation_runs (tenant_id, task_type, scope_key, mode, session_id, provider_connection_id,
                            requested_by_user_id, traceparent, retry_of_run_id, inputs, dry_run,
                            resend_due_at)
SELECT tenant_id, task_type, scope_key, mode, session_id, connection_id, user_id, traceparent, retry_of_run_id,
       CAST(inputs AS json), dry_run, now() + make_interval(secs => :silence)
FROM unnest(CAST(:tenants AS bigint[]), CAST(:task_types AS text[]), CAST(:scope_keys AS text[]),
            CAST(:modes AS text[]), CAST(:sessions AS bigint[]), CAST(:connections AS bigint[]),
            CAST(:users AS bigint[]), CAST(:traceparents AS text[]), CAST(:retried AS bigint[]),
            CAST(:inputs AS text[]), CAST(:dry_runs AS boolean[]))
     AS new (tenant_id, task_type, scope_key, mode, session_id, connection_id, user_id, traceparent, retry_of_run_id,
             inputs, dry_run)
RETURNING tenant_id, scope_key, task_type, id AS run_id, created_at, {previously_ok("operation_runs")}
""")  # noqa: S608 - no input, only names of ours

_BEGIN_SESSIONS = text("""
WITH begun AS (
    UPDATE onboarding_sessions s SET status = 'in_progress', updated_at = now()
    FROM unnest(CAST(:tenants AS bigint[]), CAST(:sessions AS bigint[]), CAST(:users AS bigint[]))
         AS first (tenant_id, session_id, user_id)
    WHERE s.tenant_id = first.tenant_id AND s.id = first.session_id AND s.status = 'draft'
    RETURNING s.tenant_id, s.id, first.user_id
)
INSERT INTO session_history (tenant_id, session_id, by_user_id, action, before, after)
SELECT tenant_id, id, user_id, 'status_changed', '{"status": "draft"}', '{"status": "in_progress"}' FROM begun
""")

_decoder = msgspec.json.Decoder(StartContext)
_inputs_decoder = msgspec.json.Decoder(dict[int, dict[str, Any]])


class Inserted(NamedTuple):
    """A run that was just inserted."""

    run_id: int
    created_at: datetime
    previously_ok: bool


async def load_start_context(tx: AsyncConnection, starts: Sequence[Start]) -> StartContext:
    """The rows that decide these starts, read in one statement, and in another one the inputs that are compared.

    A tenant may have hundreds of active runs with large inputs: only those of runs that a start may reuse are read.
    Only the rules of their task types have the schema of their inputs. Of a tenant's connections it has those that
    ``needed_connections`` names, however many there are.
    """
    named = sorted({(start.tenant_id, start.connection_id) for start in starts if start.connection_id is not None})
    values = {
        "tenants": sorted({start.tenant_id for start in starts}),
        "task_types": sorted({start.task_type for start in starts}),
        "named_tenants": [tenant_id for tenant_id, _ in named],
        "named": [connection_id for _, connection_id in named],
    }
    context: StartContext = _decoder.decode((await tx.execute(_LOAD, values)).scalar_one())
    compared = compared_runs(starts, context)
    if not compared:
        return context
    keys = {"tenants": [tenant_id for tenant_id, _ in compared], "ids": [run_id for _, run_id in compared]}
    inputs = _inputs_decoder.decode((await tx.execute(_INPUTS, keys)).scalar_one())
    runs = tuple(replace(run, inputs=inputs[run.run_id]) if run.run_id in inputs else run for run in context.runs)
    return replace(context, runs=runs)


async def insert_runs(
    tx: AsyncConnection, created: Sequence[tuple[Start, Planned]], silence_seconds: float
) -> Mapping[RunKey, Inserted]:
    """Insert the new runs of a batch. A second active run with the same key violates a unique index."""
    runs = [planned.decision.run for _, planned in created]
    rows = await tx.execute(
        _INSERT,
        {
            "tenants": [start.tenant_id for start, _ in created],
            "task_types": [run.task_type for run in runs],
            "scope_keys": [run.scope_key for run in runs],
            "modes": [run.mode.value for run in runs],
            "sessions": [planned.session.id if planned.session else None for _, planned in created],
            "connections": [planned.connection.id if planned.connection else None for _, planned in created],
            "users": [start.user_id for start, _ in created],
            "traceparents": [start.traceparent for start, _ in created],
            "retried": [start.retry_of_run_id for start, _ in created],
            "inputs": [optional_json(planned.inputs) for _, planned in created],
            "dry_runs": [start.dry_run for start, _ in created],
            "silence": silence_seconds,
        },
    )
    return {
        (row.tenant_id, row.scope_key, row.task_type): Inserted(row.run_id, row.created_at, row.previously_ok)
        for row in rows
    }


async def begin_sessions(tx: AsyncConnection, first: Mapping[tuple[int, int], int]) -> None:
    """Set draft sessions to ``in_progress``; ``first`` maps (tenant id, session id) to the user of the first start."""
    keys = sorted(first)
    await tx.execute(
        _BEGIN_SESSIONS,
        {
            "tenants": [tenant_id for tenant_id, _ in keys],
            "sessions": [session_id for _, session_id in keys],
            "users": [first[key] for key in keys],
        },
    )
