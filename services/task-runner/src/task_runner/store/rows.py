"""Decodes rows of executions."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from onboarding_shared.contracts.session_api import TaskConnection
from onboarding_shared.contracts.task_runner import Progress
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.execution import Execution

COLUMNS = """e.run_id, e.tenant_id, e.task_type, e.session_id, e.provider_connection_id, e.traceparent, e.state,
    e.attempt, e.started_at, CAST(e.progress AS text) AS progress, e.reason_code, e.resume_at, e.status, e.message,
    CAST(e.payload AS text) AS payload, e.finished_at, e.dry_run, e.run_key"""
"""The columns that ``to_execution`` reads, of the table alias ``e``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claimed run, which this worker may execute until the lease expires.

    ``tries`` is the number of attempts that count for the retry policy, ``age`` the seconds since the run was created,
    ``since_wake`` those since it was last woken, None if it never was, ``since_due`` those since it was due.
    """

    execution: Execution
    lease_token: int
    connection: TaskConnection | None
    time_limit: float
    max_attempts: int
    tries: int
    age: float
    since_wake: float | None
    since_due: float
    previously_ok: bool
    inputs: Mapping[str, Any] | None
    claimed_at: datetime


_progress = msgspec.json.Decoder(Progress)
_connection = msgspec.json.Decoder(TaskConnection)
_state, _status = functools.cache(RunState), functools.cache(CheckStatus)


def to_execution(row: Row[Any]) -> Execution:
    """Return the execution in a row with ``COLUMNS``."""
    return Execution(
        run_id=row.run_id,
        tenant_id=row.tenant_id,
        task_type=row.task_type,
        session_id=row.session_id,
        provider_connection_id=row.provider_connection_id,
        traceparent=row.traceparent,
        state=_state(row.state),
        attempt=row.attempt,
        started_at=row.started_at,
        progress=None if row.progress is None else _progress.decode(row.progress),
        reason_code=row.reason_code,
        resume_at=row.resume_at,
        status=None if row.status is None else _status(row.status),
        message=row.message,
        payload=None if row.payload is None else msgspec.json.decode(row.payload),
        finished_at=row.finished_at,
        dry_run=row.dry_run,
        run_key=row.run_key,
    )


def to_claim(row: Row[Any]) -> Claim:
    """Return the claim in a row of the claiming statement."""
    return Claim(
        execution=to_execution(row),
        lease_token=row.lease_token,
        connection=None if row.connection is None else _connection.decode(row.connection),
        time_limit=row.time_limit,
        max_attempts=row.max_attempts,
        tries=row.attempt - row.excused,
        age=(row.claimed_at - row.created_at).total_seconds(),
        since_wake=None if row.woken_at is None else max(0.0, (row.claimed_at - row.woken_at).total_seconds()),
        since_due=max(0.0, (row.claimed_at - row.resume_at).total_seconds()),
        previously_ok=row.previously_ok,
        inputs=None if row.inputs is None else msgspec.json.decode(row.inputs),
        claimed_at=row.claimed_at,
    )
