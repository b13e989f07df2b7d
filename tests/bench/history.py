"""Fills a system with runs and evidence of the past, as if they had come through the services."""

from collections.abc import Iterator
from typing import Any

import asyncpg

from onboarding_devstack.engines import postgres
from onboarding_shared.contracts.topics import EVIDENCE, OPERATION_RUNS, TASK_COMMANDS
from tests.bench.target import TASK
from tests.support.system import System

RUNS_A_TENANT = 10
TENANTS_A_PORTION = 100_000
"""Maximum number of tenants that one statement adds runs for: it ends in minutes, and its log can be removed."""
MANY_TENANTS = 100_000
RECORD_BYTES, SPARSE_RECORD_BYTES = 600, 60
"""The size of a record of evidence, and that for more than ``MANY_TENANTS``: rows and indexes matter, not disk."""

_RUNS = """
INSERT INTO operation_runs (tenant_id, task_type, scope_key, mode, requested_by_user_id, state, attempt, status,
                            reason_code, message, created_at, started_at, finished_at, last_heard_at, resend_due_at)
SELECT tenant, $3::text, 'tenant', 'shared', 7, 'succeeded', 1, 'ok', 'NOTHING_DONE', 'Nothing was to be done.',
       now() - interval '1 day', now() - interval '1 day', now() - interval '1 day', now(), now()
FROM generate_series($1::bigint, $2::bigint) AS tenant, generate_series(1, $4::int)
ORDER BY tenant
"""
_EXECUTIONS = """
INSERT INTO executions (run_id, tenant_id, task_type, scope_key, mode, time_limit, max_attempts, state, attempt, status,
                        reason_code, message, payload, created_at, started_at, finished_at, confirmed_at)
SELECT $5::bigint + (tenant - $1) * $4 + place, tenant, $3::text, 0, 'shared', 60, 3, 'succeeded', 1, 'ok',
       'NOTHING_DONE', 'Nothing was to be done.', '{}',
       now() - interval '1 day', now() - interval '1 day', now() - interval '1 day', now()
FROM generate_series($1::bigint, $2::bigint) AS tenant, generate_series(0, $4::int - 1) AS place
"""
_EVIDENCE = """
INSERT INTO evidence (id, tenant_id, position, run_id, task_type, status, reason_code, recorded_at, record,
                      previous_seal, seal)
SELECT nextval('evidence_ids'), tenant, $4::bigint, $5::bigint + (tenant - $1) * $6::bigint + $4 - 1, $3::text, 'ok',
       'NOTHING_DONE', now() - interval '1 day', sealed.record, sealed.previous,
       sha256(sealed.previous || sealed.record)
FROM generate_series($1::bigint, $2::bigint) AS tenant
LEFT JOIN evidence AS before ON before.tenant_id = tenant AND before.position = $4 - 1
CROSS JOIN LATERAL (SELECT coalesce(before.seal, decode(repeat('00', 32), 'hex')) AS previous,
                           convert_to(repeat('x', $7::int), 'UTF8') AS record) AS sealed
"""
_HEADS = """
INSERT INTO evidence_heads (tenant_id, length, seal)
SELECT tenant_id, position, seal FROM evidence WHERE tenant_id BETWEEN $1 AND $2 AND position = $3
"""
_SEQUENCES = """
INSERT INTO {table} (tenant_id, topic, last_sequence)
SELECT tenant, $3::text, $4::bigint FROM generate_series($1::bigint, $2::bigint) AS tenant
"""


async def add_history(system: System, first_tenant: int, tenants: int) -> None:
    """Give each of these tenants ``RUNS_A_TENANT`` ended runs with their sealed evidence, and their sequences."""
    record_bytes = RECORD_BYTES if tenants <= MANY_TENANTS else SPARSE_RECORD_BYTES
    for span in portions(first_tenant, tenants):
        first_run = await _runs(system, *span)
        await _executions(system, *span, first_run)
        await _evidence(system, *span, first_run, record_bytes)
    for database in ("session_api", "task_runner", "evidence_store"):
        await _finish(await _connect(system, database))


def portions(first_tenant: int, tenants: int) -> Iterator[tuple[int, int]]:
    """The first and the last tenant of each portion."""
    end = first_tenant + tenants
    for first in range(first_tenant, end, TENANTS_A_PORTION):
        yield first, min(first + TENANTS_A_PORTION, end) - 1


async def _runs(system: System, first: int, last: int) -> int:
    connection = await _connect(system, "session_api")
    before = await connection.fetchval("SELECT nextval(pg_get_serial_sequence('operation_runs', 'id'))")
    await connection.execute(_RUNS, first, last, TASK, RUNS_A_TENANT)
    await _sequences(connection, first, last, outbox={TASK_COMMANDS.name: 1}, inbox={OPERATION_RUNS.name: 2})
    await connection.close()
    return int(before) + 1


async def _executions(system: System, first: int, last: int, first_run: int) -> None:
    connection = await _connect(system, "task_runner")
    await connection.execute(_EXECUTIONS, first, last, TASK, RUNS_A_TENANT, first_run)
    inbox = {TASK_COMMANDS.name: 1, EVIDENCE.name: 1}
    await _sequences(connection, first, last, outbox={OPERATION_RUNS.name: 2}, inbox=inbox)
    await connection.close()


async def _evidence(system: System, first: int, last: int, first_run: int, record_bytes: int) -> None:
    connection = await _connect(system, "evidence_store")
    # The triggers take rows as the service writes them: one position after the other of tenants that have a head.
    await connection.execute("SET session_replication_role = replica")
    for position in range(1, RUNS_A_TENANT + 1):
        values = (first, last, TASK, position, first_run, RUNS_A_TENANT, record_bytes)
        await connection.execute(_EVIDENCE, *values)
    await connection.execute(_HEADS, first, last, RUNS_A_TENANT)
    await _sequences(connection, first, last, outbox={EVIDENCE.name: 1}, inbox={OPERATION_RUNS.name: 2})
    await connection.close()


async def _sequences(
    connection: "asyncpg.Connection[Any]", first: int, last: int, *, outbox: dict[str, int], inbox: dict[str, int]
) -> None:
    """``outbox`` and ``inbox``: topic → messages a run."""
    for table, topics in (("outbox_sequences", outbox), ("inbox_sequences", inbox)):
        for topic, messages in topics.items():
            await connection.execute(_SEQUENCES.format(table=table), first, last, topic, messages * RUNS_A_TENANT)


async def _connect(system: System, database: str) -> "asyncpg.Connection[Any]":
    port = system.place.ports["postgres"]
    return await asyncpg.connect(postgres.superuser_url(system.place.postgres, port, database), command_timeout=1800)


async def _finish(connection: "asyncpg.Connection[Any]") -> None:
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("CHECKPOINT")
    await connection.close()
