"""The SQL of new executions: inserts them, and gives those that a worker starts at once their leases."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.session_api import StartTask
from onboarding_shared.contracts.types import CheckStatus, Mode, RunState
from task_runner.domain.admission import TENANT_SCOPE, AdmissionRefused, Admitted
from task_runner.domain.execution import Execution, RunKey
from task_runner.store.rows import Claim

# lock_idle_tenant takes the lock that claims of the tenant take. It is called once for each tenant.
_INSERT = text("""
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(
        CAST(:run_id AS bigint[]), CAST(:tenant_id AS bigint[]), CAST(:task_type AS text[]),
        CAST(:session_id AS bigint[]), CAST(:connection_id AS bigint[]), CAST(:connection AS text[]),
        CAST(:scope_key AS bigint[]), CAST(:mode AS text[]), CAST(:time_limit AS float8[]),
        CAST(:max_attempts AS integer[]), CAST(:traceparent AS text[]), CAST(:previously_ok AS boolean[]),
        CAST(:inputs AS text[]), CAST(:dry_run AS boolean[]), CAST(:run_key AS text[]),
        CAST(:status AS text[]), CAST(:reason_code AS text[]), CAST(:message AS text[]), CAST(:chosen AS boolean[]))
    AS g (run_id, tenant_id, task_type, session_id, connection_id, connection, scope_key, mode, time_limit,
          max_attempts, traceparent, previously_ok, inputs, dry_run, run_key, status, reason_code, message, chosen)
), idle AS MATERIALIZED (
    SELECT tenant_id FROM (SELECT DISTINCT tenant_id FROM given WHERE chosen ORDER BY tenant_id) AS tenants
    WHERE lock_idle_tenant(tenant_id)
)
INSERT INTO executions (run_id, tenant_id, task_type, session_id, provider_connection_id, connection, scope_key, mode,
                        time_limit, max_attempts, traceparent, previously_ok, inputs, dry_run, run_key, state, status,
                        reason_code, message, finished_at, confirm_at,
                        attempt, lease_token, lease_expires_at, worker, started_at)
SELECT g.run_id, g.tenant_id, g.task_type, g.session_id, g.connection_id, CAST(g.connection AS json), g.scope_key,
       g.mode, g.time_limit, g.max_attempts, g.traceparent, g.previously_ok, CAST(g.inputs AS json), g.dry_run,
       g.run_key,
       CASE WHEN g.status IS NOT NULL THEN 'failed' WHEN i.tenant_id IS NOT NULL THEN 'running' ELSE 'queued' END,
       g.status, g.reason_code, g.message,
       CASE WHEN g.status IS NOT NULL THEN now() END,
       CASE WHEN g.status IS NOT NULL THEN now() + make_interval(secs => :confirm) END,
       CASE WHEN i.tenant_id IS NULL THEN 0 ELSE 1 END,
       CASE WHEN i.tenant_id IS NOT NULL THEN nextval('lease_tokens') END,
       CASE WHEN i.tenant_id IS NOT NULL THEN clock_timestamp() + make_interval(secs => :lease) END,
       CASE WHEN i.tenant_id IS NOT NULL THEN CAST(:worker AS text) END,
       CASE WHEN i.tenant_id IS NOT NULL THEN now() END
FROM given g LEFT JOIN idle i ON g.chosen AND i.tenant_id = g.tenant_id
ORDER BY g.tenant_id, g.run_id
ON CONFLICT (run_id, tenant_id) DO NOTHING
RETURNING run_id, tenant_id, lease_token, started_at
""")

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A StartTask and its admission."""

    command: StartTask
    traceparent: str | None
    decision: Admitted | AdmissionRefused

    @property
    def key(self) -> RunKey:
        """The id of the run and its tenant."""
        return self.command.run_id, self.command.tenant_id


class Lease(NamedTuple):
    """The worker that gets leases of ``seconds``."""

    worker: str
    seconds: float


class Stored(NamedTuple):
    """The keys of the runs that were inserted, and the claims of those among them that have a lease."""

    keys: set[RunKey]
    claims: tuple[Claim, ...]


async def insert(
    tx: AsyncConnection,
    arrivals: Iterable[Arrival],
    *,
    confirm_seconds: float,
    chosen: Collection[RunKey] = (),
    lease: Lease = Lease("", 0.0),
) -> Stored:
    """Insert runs that are not stored yet. Runs that were not admitted are stored as ended.

    The ``chosen`` runs get a lease if nothing else of their tenants is due or in progress, and no other worker is just
    claiming runs of theirs. ``lease`` then begins with this statement.
    """
    by_key = {arrival.key: arrival for arrival in arrivals}
    rows = [_columns(arrival, chosen=key in chosen) for key, arrival in by_key.items()]
    arrays = {name: [row[name] for row in rows] for name in rows[0]}
    values = {**arrays, "confirm": confirm_seconds, "worker": lease.worker, "lease": lease.seconds}
    inserted = (await tx.execute(_INSERT, values)).all()
    claims = tuple(
        _claim(by_key[row.run_id, row.tenant_id], row.lease_token, row.started_at)
        for row in inserted
        if row.lease_token is not None
    )
    return Stored({(row.run_id, row.tenant_id) for row in inserted}, claims)


def _claim(arrival: Arrival, lease_token: int, at: datetime) -> Claim:
    """The first claim of a run, as a claim of the stored row would be."""
    command, decision = arrival.command, cast("Admitted", arrival.decision)
    return Claim(
        execution=Execution(
            run_id=command.run_id,
            tenant_id=command.tenant_id,
            task_type=command.task_type,
            session_id=command.session_id,
            provider_connection_id=command.connection.id if command.connection else None,
            traceparent=arrival.traceparent,
            state=RunState.RUNNING,
            attempt=1,
            started_at=at,
            resume_at=at,
            dry_run=command.dry_run,
            run_key=command.run_key,
        ),
        lease_token=lease_token,
        connection=command.connection,
        time_limit=decision.time_limit,
        max_attempts=decision.max_attempts,
        tries=1,
        age=0.0,
        since_wake=None,
        since_due=0.0,
        previously_ok=command.previously_ok,
        inputs=command.inputs,
        claimed_at=at,
    )


def _columns(arrival: Arrival, *, chosen: bool) -> dict[str, Any]:
    command, decision = arrival.command, arrival.decision
    refused = isinstance(decision, AdmissionRefused)
    return {
        "run_id": command.run_id,
        "tenant_id": command.tenant_id,
        "task_type": command.task_type,
        "session_id": command.session_id,
        "connection_id": command.connection.id if command.connection else None,
        "connection": _encoder.encode(command.connection).decode() if command.connection else None,
        "scope_key": TENANT_SCOPE if refused else decision.scope_key,
        "mode": Mode.SHARED.value if refused else decision.mode.value,
        "time_limit": 0.0 if refused else decision.time_limit,
        "max_attempts": 0 if refused else decision.max_attempts,
        "traceparent": arrival.traceparent,
        "previously_ok": command.previously_ok,
        "inputs": None if refused or command.inputs is None else _encoder.encode(command.inputs).decode(),
        "dry_run": command.dry_run,
        "run_key": command.run_key,
        "status": CheckStatus.UNKNOWN.value if refused else None,
        "reason_code": decision.reason_code if refused else None,
        "message": decision.message if refused else None,
        "chosen": chosen,
    }
