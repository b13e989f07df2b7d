"""Executions, and the messages that describe them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.task_runner import OFFERED_INPUTS, Progress, RunFinished, RunProgressed, RunStarted
from onboarding_shared.contracts.types import CheckStatus, RunState

DRY_RUN = "dry_run"
"""The member, true, of every payload of a dry run."""


RunKey = tuple[int, int]
"""The id of a run and its tenant: an id alone does not identify a run, because a forged command may use any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """The record of one run in task-runner. ``attempt`` counts all attempts, including those whose lease expired."""

    run_id: int
    tenant_id: int
    task_type: str
    session_id: int | None
    provider_connection_id: int | None
    traceparent: str | None
    state: RunState
    attempt: int
    started_at: datetime | None
    progress: Progress | None = None
    reason_code: str | None = None
    resume_at: datetime | None = None
    status: CheckStatus | None = None
    message: str | None = None
    payload: Mapping[str, Any] | None = None
    finished_at: datetime | None = None
    dry_run: bool = False
    run_key: str | None = field(default=None, repr=False)
    """The key of the MAC of every message about the run, from its command."""

    @property
    def key(self) -> RunKey:
        """The id of the run and its tenant."""
        return self.run_id, self.tenant_id


def describe(execution: Execution) -> RunProgressed | RunFinished:
    """Return the message for the current state of a run. It is published on changes, except starts, and on resends."""
    if execution.state in TERMINAL:
        return _finished(execution)
    waiting = execution.state is RunState.WAITING
    return RunProgressed(
        tenant_id=execution.tenant_id,
        run_id=execution.run_id,
        task_type=execution.task_type,
        attempt=execution.attempt,
        state=execution.state,
        progress=execution.progress,
        reason_code=execution.reason_code,
        resume_at=execution.resume_at if waiting else None,
        message=execution.message if waiting else None,
        offered_inputs=_offered(execution) if waiting else None,
        started_at=execution.started_at,
    )


def _offered(execution: Execution) -> dict[str, Any] | None:
    offered = (execution.payload or {}).get(OFFERED_INPUTS)
    return offered if isinstance(offered, dict) else None


def started(execution: Execution, at: datetime) -> RunStarted:
    """Return the message that a worker has claimed the run."""
    return RunStarted(
        tenant_id=execution.tenant_id,
        run_id=execution.run_id,
        task_type=execution.task_type,
        attempt=execution.attempt,
        started_at=at,
    )


def _finished(execution: Execution) -> RunFinished:
    if execution.status is None or execution.reason_code is None or execution.finished_at is None:
        raise ValueError(f"The execution of run {execution.run_id} is {execution.state} but has no result")
    return RunFinished(
        tenant_id=execution.tenant_id,
        run_id=execution.run_id,
        task_type=execution.task_type,
        attempt=execution.attempt,
        state=execution.state,
        session_id=execution.session_id,
        provider_connection_id=execution.provider_connection_id,
        status=execution.status,
        reason_code=execution.reason_code,
        message=execution.message,
        payload={**(execution.payload or {}), **({DRY_RUN: True} if execution.dry_run else {})},
        started_at=execution.started_at,
        finished_at=execution.finished_at,
    )
