"""The SQL of settlements: compare-and-set on state and fencing token, with the messages in the same transaction.

Ends of runs whose claims are at hand are one statement with their messages. Of other runs the rows are read first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import cast

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import next_state
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.changes import Change
from onboarding_shared.messaging.outbox import TIME_OF_COMMIT, Outbox, Outgoing
from task_runner.domain.execution import Execution, describe
from task_runner.domain.outcomes import ResumeLater, RetryLater, RunEnd, RunOutcome
from task_runner.store.rows import COLUMNS, to_execution

_SETTLED_ROWS = f"""given AS (
    SELECT * FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tokens AS bigint[]), CAST(:observed AS text[]),
                         CAST(:states AS text[]), CAST(:statuses AS text[]), CAST(:reason_codes AS text[]),
                         CAST(:messages AS text[]), CAST(:payloads AS text[]), CAST(:delays AS float8[]),
                         CAST(:excused AS integer[]), CAST(:lost AS integer[]), CAST(:afresh AS boolean[]),
                         CAST(:claimed_at AS timestamptz[]))
        WITH ORDINALITY AS g (run_id, token, observed, state, status, reason_code, message, payload, delay, excused,
                              lost, afresh, claimed_at, place)
), held AS MATERIALIZED (
    SELECT g.*, e.tenant_id FROM given g JOIN executions e ON e.run_id = g.run_id
    WHERE e.lease_token = g.token AND e.state = g.observed
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
), settled AS (
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
    FROM held h WHERE e.run_id = h.run_id AND e.tenant_id = h.tenant_id
    RETURNING {COLUMNS}, e.lease_token, h.place
)"""  # noqa: S608 - no input, only constants
_SETTLE = text(f"WITH {_SETTLED_ROWS} SELECT * FROM settled")  # noqa: S608 - no input, only constants
_STORED = "m.place IN (SELECT place FROM settled)"
"""The condition of the message in the place of a settlement."""

_STATES = text("""
SELECT e.run_id, e.state, e.lease_token
FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tokens AS bigint[])) AS g (run_id, token)
JOIN executions e ON e.run_id = g.run_id AND e.lease_token = g.token
""")

_encoder = msgspec.json.Encoder()


Holding = tuple[int, int]
"""A run id and the fencing token of a claim of it. The token is unique, so the pair tells tenants apart, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The outcome of a run in progress, from the worker with ``lease_token`` that last read the state ``observed``.

    ``excused``: the attempt does not count for the retry policy. ``lost``: the lease expired. ``traceparent``: the
    trace context of its messages, if it is not that of the run. ``claimed_at``: the database's time of the claim; a run
    that was woken after it does not wait. ``claimed``: the run as it was claimed, which tells all that the message
    about its end says, but the time.
    """

    run_id: int
    lease_token: int
    observed: RunState
    outcome: RunOutcome
    excused: bool = False
    lost: bool = False
    traceparent: str | None = None
    claimed_at: datetime | None = None
    claimed: Execution | None = field(default=None, repr=False)

    @property
    def holding(self) -> Holding:
        """The run and the claim that settles it."""
        return self.run_id, self.lease_token


@dataclass(frozen=True, slots=True)
class Settled:
    """The settlement is committed, by this or an earlier transaction."""


_SETTLED = Settled()


@dataclass(frozen=True, slots=True)
class SettlementRefused:
    """The settlement was not written. ``state`` is the current state if the lease is still valid, else None."""

    state: RunState | None


def at_once(settlements: Iterable[Settlement]) -> bool:
    """True if these are ends of runs whose claims are at hand: they are one statement with their messages."""
    return all(settlement.claimed is not None and isinstance(settlement.outcome, RunEnd) for settlement in settlements)


async def settle(
    tx: AsyncConnection, outbox: Outbox, settlements: Sequence[Settlement], *, confirm_seconds: float
) -> list[Settled | SettlementRefused]:
    """Settle a batch. Return one answer per settlement, in order. Idempotent."""
    holdings = [settlement.holding for settlement in settlements]
    by_holding = dict(zip(holdings, settlements, strict=True))
    legal = [
        (settlement, target)
        for settlement in by_holding.values()
        if (target := next_state(settlement.observed, settlement.outcome.event))
    ]
    write = _end if at_once(settlements) else _settle
    settled = set(await write(tx, outbox, legal, confirm_seconds)) if legal else set[Holding]()
    unsettled = [settlement for holding, settlement in by_holding.items() if holding not in settled]
    states = await _read_states(tx, unsettled) if unsettled else {}
    return [
        _SETTLED if holding in settled else _refusal(by_holding[holding], states.get(holding)) for holding in holdings
    ]


Legal = tuple[Settlement, RunState]
"""A settlement that the state machine allows, and the state that it leads to."""


async def _end(tx: AsyncConnection, outbox: Outbox, ends: Sequence[Legal], confirm_seconds: float) -> list[Holding]:
    """End runs and store their messages, in one statement. Return what was settled."""
    messages = [_ended(settlement, target) for settlement, target in ends]
    change = Change(_SETTLED_ROWS + ",", {**_arrays(ends), "confirm": confirm_seconds}, condition=_STORED)
    return [ends[place][0].holding for place in await outbox.append(tx, messages, change)]


def _ended(settlement: Settlement, target: RunState) -> Outgoing:
    """The message about the end of a run, as it would be of the stored row."""
    claimed, outcome = cast("Execution", settlement.claimed), cast("RunEnd", settlement.outcome)
    run = replace(
        claimed,
        state=target,
        status=outcome.status,
        reason_code=outcome.reason_code,
        message=outcome.message,
        payload=outcome.payload,
        finished_at=TIME_OF_COMMIT,
    )
    return Outgoing(describe(run), settlement.traceparent or run.traceparent, mac_key=run.run_key, timed=True)


async def _settle(tx: AsyncConnection, outbox: Outbox, legal: Sequence[Legal], confirm_seconds: float) -> list[Holding]:
    """Settle runs, and store the messages that their rows tell. Return what was settled."""
    rows = (await tx.execute(_SETTLE, {**_arrays(legal), "confirm": confirm_seconds})).all()
    messages = []
    for row in rows:
        run, settlement = to_execution(row), legal[row.place - 1][0]
        messages.append(Outgoing(describe(run), settlement.traceparent or run.traceparent, mac_key=run.run_key))
    await outbox.append(tx, messages)
    return [(row.run_id, row.lease_token) for row in rows]


def _arrays(legal: Iterable[Legal]) -> dict[str, list[object]]:
    arrays: dict[str, list[object]] = {name: [] for name in _NAMES}
    for settlement, target in legal:
        outcome = settlement.outcome
        waits = isinstance(outcome, RetryLater | ResumeLater)
        values = (
            settlement.run_id,
            settlement.lease_token,
            settlement.observed,
            target,
            None if waits else outcome.status,
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


async def _read_states(tx: AsyncConnection, settlements: Sequence[Settlement]) -> dict[Holding, RunState]:
    """The states of the runs that still have the fencing token of their settlement."""
    run_ids = [settlement.run_id for settlement in settlements]
    rows = await tx.execute(_STATES, {"run_ids": run_ids, "tokens": [item.lease_token for item in settlements]})
    return {(row.run_id, row.lease_token): RunState(row.state) for row in rows}


def _refusal(settlement: Settlement, state: RunState | None) -> Settled | SettlementRefused:
    """Return ``Settled`` if the run has the target state; ``state`` is None if it has another lease token."""
    if state is None:
        return SettlementRefused(None)
    if state is next_state(settlement.observed, settlement.outcome.event):
        return Settled()
    return SettlementRefused(state if state in (RunState.RUNNING, RunState.CANCELLING) else None)
