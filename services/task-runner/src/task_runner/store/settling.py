"""The SQL of settlements: compare-and-set on state and fencing token, with the messages in the same transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import next_state
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from task_runner.domain.execution import Execution, describe
from task_runner.domain.outcomes import ResumeLater, RetryLater, RunOutcome
from task_runner.store.rows import COLUMNS, to_execution

_SETTLE = text(f"""
WITH given AS (
    SELECT * FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tokens AS bigint[]), CAST(:observed AS text[]),
                         CAST(:states AS text[]), CAST(:statuses AS text[]), CAST(:reason_codes AS text[]),
                         CAST(:messages AS text[]), CAST(:payloads AS text[]), CAST(:delays AS float8[]),
                         CAST(:excused AS integer[]), CAST(:lost AS integer[]), CAST(:afresh AS boolean[]),
                         CAST(:claimed_at AS timestamptz[]))
        AS g (run_id, token, observed, state, status, reason_code, message, payload, delay, excused, lost, afresh,
              claimed_at)
), held AS MATERIALIZED (
    SELECT g.* FROM given g JOIN executions e ON e.run_id = g.run_id
    WHERE e.lease_token = g.token AND e.state = g.observed
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
)
UPDATE executions e
SET state = h.state, status = h.status, reason_code = h.reason_code, message = h.message,
    payload = CAST(h.payload AS json), resume_at = CASE
        WHEN h.state = 'waiting' AND h.afresh AND e.woken_at > h.claimed_at THEN now()
        WHEN h.state = 'waiting' THEN now() + make_interval(secs => h.delay) ELSE e.resume_at END,
    finished_at = CASE WHEN h.state <> 'waiting' THEN now() END,
    confirm_at = CASE WHEN h.state NOT IN ('waiting', 'cancelled') THEN now() + make_interval(secs => :confirm) END,
    lease_expires_at = NULL, worker = NULL,
    excused = CASE WHEN h.afresh THEN e.attempt ELSE e.excused + h.excused END,
    losses = CASE WHEN h.afresh THEN 0 ELSE e.losses + h.lost END
FROM held h WHERE e.run_id = h.run_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only constants

_LEASES = text("""
SELECT run_id, state, lease_token FROM executions WHERE run_id = ANY (CAST(:run_ids AS bigint[]))
""")

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The outcome of a run in progress, from the worker with ``lease_token`` that last read the state ``observed``.

    ``excused``: the attempt does not count for the retry policy. ``lost``: the lease expired. ``traceparent``: the
    trace context of its messages, if it is not that of the run. ``claimed_at``: the database's time of the claim; a run
    that was woken after it does not wait.
    """

    run_id: int
    lease_token: int
    observed: RunState
    outcome: RunOutcome
    excused: bool = False
    lost: bool = False
    traceparent: str | None = None
    claimed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """The settlement is committed, by this or an earlier transaction."""


@dataclass(frozen=True, slots=True)
class SettlementRefused:
    """The settlement was not written. ``state`` is the current state if the lease is still valid, else None."""

    state: RunState | None


class _Lease(NamedTuple):
    state: RunState
    token: int | None


async def settle(
    tx: AsyncConnection, outbox: Outbox, settlements: Sequence[Settlement], *, confirm_seconds: float
) -> list[Settled | SettlementRefused]:
    """Settle a batch. Return one answer per settlement, in order. Idempotent."""
    legal = {
        settlement.run_id: (settlement, target)
        for settlement in settlements
        if (target := next_state(settlement.observed, settlement.outcome.event))
    }
    executions: list[Execution] = []
    if legal:
        rows = await tx.execute(_SETTLE, {**_arrays(legal.values()), "confirm": confirm_seconds})
        executions = [to_execution(row) for row in rows]
    settled = {execution.run_id for execution in executions}
    unsettled = [settlement for settlement in settlements if settlement.run_id not in settled]
    leases = await _read_leases(tx, unsettled) if unsettled else {}
    if settled:
        traces = {
            settlement.run_id: settlement.traceparent
            for settlement in settlements
            if settlement.traceparent is not None
        }
        messages = [Outgoing(describe(run), traces.get(run.run_id, run.traceparent)) for run in executions]
        await outbox.append(tx, messages)
    return [
        Settled() if settlement.run_id in settled else _refusal(settlement, leases.get(settlement.run_id))
        for settlement in settlements
    ]


def _arrays(legal: Iterable[tuple[Settlement, RunState]]) -> dict[str, list[object]]:
    arrays: dict[str, list[object]] = {name: [] for name in _NAMES}
    for settlement, target in legal:
        outcome = settlement.outcome
        waits = isinstance(outcome, RetryLater | ResumeLater)
        values = (
            settlement.run_id,
            settlement.lease_token,
            settlement.observed.value,
            target.value,
            None if waits else outcome.status.value,
            outcome.reason_code,
            outcome.message,
            None if isinstance(outcome, RetryLater) else _encoder.encode(outcome.payload).decode(),
            outcome.delay if waits else 0.0,
            int(settlement.excused),
            int(settlement.lost),
            isinstance(outcome, ResumeLater),
            settlement.claimed_at,
        )
        for name, value in zip(_NAMES, values, strict=True):
            arrays[name].append(value)
    return arrays


_NAMES = (
    "run_ids",
    "tokens",
    "observed",
    "states",
    "statuses",
    "reason_codes",
    "messages",
    "payloads",
    "delays",
    "excused",
    "lost",
    "afresh",
    "claimed_at",
)


async def _read_leases(tx: AsyncConnection, settlements: Sequence[Settlement]) -> dict[int, _Lease]:
    rows = await tx.execute(_LEASES, {"run_ids": [settlement.run_id for settlement in settlements]})
    return {row.run_id: _Lease(RunState(row.state), row.lease_token) for row in rows}


def _refusal(settlement: Settlement, lease: _Lease | None) -> Settled | SettlementRefused:
    """Return ``Settled`` if the run has the target state and the lease token of this settlement."""
    if lease is None or lease.token != settlement.lease_token:
        return SettlementRefused(None)
    state = lease.state
    if state is next_state(settlement.observed, settlement.outcome.event):
        return Settled()
    return SettlementRefused(state if state in (RunState.RUNNING, RunState.CANCELLING) else None)
