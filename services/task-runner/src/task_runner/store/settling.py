"""Writes what becomes of runs under way: compare-and-set on state and fencing token, and the news with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import next_state
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from task_runner.domain.execution import Execution, describe
from task_runner.domain.outcomes import Outcome, ResumeLater, RetryLater
from task_runner.store.rows import COLUMNS, to_execution

_SETTLE = text(f"""
WITH given AS (
    SELECT * FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tokens AS bigint[]), CAST(:seen AS text[]),
                         CAST(:states AS text[]), CAST(:statuses AS text[]), CAST(:reason_codes AS text[]),
                         CAST(:messages AS text[]), CAST(:payloads AS text[]), CAST(:delays AS float8[]),
                         CAST(:excused AS integer[]), CAST(:lost AS integer[]), CAST(:afresh AS boolean[]))
        AS g (run_id, token, seen, state, status, reason_code, message, payload, delay, excused, lost, afresh)
), held AS MATERIALIZED (
    SELECT g.* FROM given g JOIN executions e ON e.run_id = g.run_id
    WHERE e.lease_token = g.token AND e.state = g.seen
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
)
UPDATE executions e
SET state = h.state, status = h.status, reason_code = h.reason_code, message = h.message,
    payload = CAST(h.payload AS json), resume_at = CASE WHEN h.state = 'waiting'
        THEN now() + make_interval(secs => h.delay) ELSE e.resume_at END,
    finished_at = CASE WHEN h.state <> 'waiting' THEN now() END,
    confirm_at = CASE WHEN h.state NOT IN ('waiting', 'cancelled') THEN now() + make_interval(secs => :confirm) END,
    lease_expires_at = NULL, worker = NULL,
    excused = CASE WHEN h.afresh THEN e.attempt ELSE e.excused + h.excused END,
    losses = CASE WHEN h.afresh THEN 0 ELSE e.losses + h.lost END
FROM held h WHERE e.run_id = h.run_id
RETURNING {COLUMNS}
""")  # noqa: S608 - no input, only a constant of ours

_STANDING = text("""
SELECT run_id, state, lease_token FROM executions WHERE run_id = ANY (CAST(:run_ids AS bigint[]))
""")

_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What should become of a run under way, by the worker that holds ``lease_token`` and saw it ``seen``.

    ``excused``: the attempt does not count against the retry policy. ``lost``: its worker went away. ``traceparent``:
    what the news of it belongs to, where that is not the trace context that the run came with.
    """

    run_id: int
    lease_token: int
    seen: RunState
    outcome: Outcome
    excused: bool = False
    lost: bool = False
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Written, now or by an earlier try whose answer was lost."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Not written. ``state`` is where the run stands now when the lease is still the asker's, None when it is not."""

    state: RunState | None


async def settle(
    tx: AsyncConnection, outbox: Outbox, settlements: Sequence[Settlement], *, confirm_seconds: float
) -> list[Settled | Refused]:
    """Settle a batch; one answer each, in order. Safe to run twice."""
    legal = {one.run_id: (one, target) for one in settlements if (target := next_state(one.seen, one.outcome.event))}
    executions: list[Execution] = []
    if legal:
        rows = await tx.execute(_SETTLE, {**_arrays(legal.values()), "confirm": confirm_seconds})
        executions = [to_execution(row) for row in rows]
    settled = {one.run_id for one in executions}
    refused = [one for one in settlements if one.run_id not in settled]
    standing = await _standing(tx, refused) if refused else {}
    if settled:
        traces = {one.run_id: one.traceparent for one in settlements if one.traceparent is not None}
        await outbox.append(
            tx, [Outgoing(describe(one), traces.get(one.run_id, one.traceparent)) for one in executions]
        )
    return [Settled() if one.run_id in settled else _refusal(one, standing.get(one.run_id)) for one in settlements]


def _arrays(legal: Iterable[tuple[Settlement, RunState]]) -> dict[str, list[object]]:
    arrays: dict[str, list[object]] = {name: [] for name in _NAMES}
    for one, target in legal:
        outcome = one.outcome
        waits = isinstance(outcome, RetryLater | ResumeLater)
        values = (
            one.run_id,
            one.lease_token,
            one.seen.value,
            target.value,
            None if waits else outcome.status.value,
            outcome.reason_code,
            outcome.message,
            None if isinstance(outcome, RetryLater) else _encoder.encode(outcome.payload).decode(),
            outcome.delay if waits else 0.0,
            int(one.excused),
            int(one.lost),
            isinstance(outcome, ResumeLater),
        )
        for name, value in zip(_NAMES, values, strict=True):
            arrays[name].append(value)
    return arrays


_NAMES = (
    "run_ids",
    "tokens",
    "seen",
    "states",
    "statuses",
    "reason_codes",
    "messages",
    "payloads",
    "delays",
    "excused",
    "lost",
    "afresh",
)


async def _standing(tx: AsyncConnection, refused: Sequence[Settlement]) -> dict[int, tuple[RunState, int | None]]:
    rows = await tx.execute(_STANDING, {"run_ids": [one.run_id for one in refused]})
    return {row.run_id: (RunState(row.state), row.lease_token) for row in rows}


def _refusal(one: Settlement, standing: tuple[RunState, int | None] | None) -> Settled | Refused:
    """A token that still stands on a run in the wished state means that an earlier try had been committed."""
    if standing is None or standing[1] != one.lease_token:
        return Refused(None)
    state = standing[0]
    if state is next_state(one.seen, one.outcome.event):
        return Settled()
    return Refused(state if state in (RunState.RUNNING, RunState.CANCELLING) else None)
