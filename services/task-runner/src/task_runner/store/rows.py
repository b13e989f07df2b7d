"""How an execution's row is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row

from onboarding_shared.contracts.session_api import ProviderConnection
from onboarding_shared.contracts.task_runner import Progress
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.execution import Execution

COLUMNS = """e.run_id, e.tenant_id, e.task_type, e.session_id, e.provider_connection_id, e.traceparent, e.state,
    e.attempt, e.started_at, CAST(e.progress AS text) AS progress, e.reason_code, e.resume_at, e.status, e.message,
    CAST(e.payload AS text) AS payload, e.finished_at"""
"""What ``to_execution`` reads, of the table alias ``e``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run that this worker may work on until its lease ends.

    ``tries`` counts the attempts that its policy counts, ``age`` the seconds since it was taken in.
    """

    execution: Execution
    lease_token: int
    connection: ProviderConnection | None
    time_limit: float
    max_attempts: int
    tries: int
    age: float
    claimed_at: datetime


_progress = msgspec.json.Decoder(Progress)
_connection = msgspec.json.Decoder(ProviderConnection)


def to_execution(row: Sequence[Any]) -> Execution:
    """The execution in a row that begins with ``COLUMNS``."""
    run_id, tenant_id, task_type, session_id, connection_id, traceparent, state, attempt, *more = row
    started_at, progress, reason_code, resume_at, status, message, payload, finished_at = more[:8]
    return Execution(
        run_id=run_id,
        tenant_id=tenant_id,
        task_type=task_type,
        session_id=session_id,
        provider_connection_id=connection_id,
        traceparent=traceparent,
        state=RunState(state),
        attempt=attempt,
        started_at=started_at,
        progress=None if progress is None else _progress.decode(progress),
        reason_code=reason_code,
        resume_at=resume_at,
        status=None if status is None else CheckStatus(status),
        message=message,
        payload=None if payload is None else msgspec.json.decode(payload),
        finished_at=finished_at,
    )


def to_claim(row: Row[Any]) -> Claim:
    """The claim in a row of the claiming statement."""
    return Claim(
        execution=to_execution(row),
        lease_token=row.lease_token,
        connection=None if row.connection is None else _connection.decode(row.connection),
        time_limit=row.time_limit,
        max_attempts=row.max_attempts,
        tries=row.attempt - row.excused,
        age=(row.claimed_at - row.created_at).total_seconds(),
        claimed_at=row.claimed_at,
    )
