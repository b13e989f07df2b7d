"""Keeps leases alive, and finds those that nobody keeps alive any more."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import RunEvent
from onboarding_shared.contracts.task_runner import Progress
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.execution import describe
from task_runner.domain.leases import LostLease, decide_lost_lease
from task_runner.store.rows import COLUMNS, to_execution
from task_runner.store.settling import Settlement, settle

_RENEW = text(f"""
WITH held AS MATERIALIZED (
    SELECT e.run_id, g.progress
    FROM unnest(CAST(:run_ids AS bigint[]), CAST(:tokens AS bigint[]), CAST(:progress AS text[]))
        AS g (run_id, token, progress)
    JOIN executions e ON e.run_id = g.run_id AND e.lease_token = g.token
    WHERE e.state IN ('running', 'cancelling')
    ORDER BY e.tenant_id, e.run_id FOR UPDATE OF e
)
UPDATE executions e
SET lease_expires_at = now() + make_interval(secs => :lease),
    progress = coalesce(CAST(h.progress AS json), e.progress)
FROM held h WHERE e.run_id = h.run_id
RETURNING {COLUMNS}, h.progress IS NOT NULL AS progressed
""")  # noqa: S608 - no input, only a constant of ours

_LOST = text("""
SELECT run_id, lease_token, state, losses FROM executions
WHERE state IN ('running', 'cancelling') AND lease_expires_at < now()
ORDER BY tenant_id, run_id LIMIT :batch FOR UPDATE SKIP LOCKED
""")

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that its worker wants to keep; ``progress`` where it changed since the last renewal."""

    run_id: int
    lease_token: int
    progress: Progress | None


class Leases:
    """The leases in the database. Only its clock judges them."""

    def __init__(self, database: Database, outbox: Outbox, *, lease_seconds: float, confirm_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._lease_seconds = lease_seconds
        self._confirm_seconds = confirm_seconds

    async def renew(self, held: Sequence[Held]) -> dict[int, RunState]:
        """Renew all of them in one statement; returns those that are still the worker's, with their states.

        What progressed is told as RunProgressed in the same transaction. Raises ``DatabaseUnavailable``.
        """

        async def work(connection: AsyncConnection) -> dict[int, RunState]:
            rows = await connection.execute(
                _RENEW,
                {
                    "run_ids": [one.run_id for one in held],
                    "tokens": [one.lease_token for one in held],
                    "progress": [_json(one.progress) for one in held],
                    "lease": self._lease_seconds,
                },
            )
            renewed = [(to_execution(row), row.progressed) for row in rows]
            await self._outbox.append(
                connection, [Outgoing(describe(one), one.traceparent) for one, progressed in renewed if progressed]
            )
            return {one.run_id: one.state for one, _ in renewed}

        return await self._database.run(work)

    async def recover(self) -> Mapping[RunEvent, int]:
        """Take the runs of workers that went away out of their hands; returns what became of how many.

        Those of ``RunEvent.WAIT`` can be claimed again, the others have ended.
        """

        async def work(connection: AsyncConnection) -> Mapping[RunEvent, int]:
            rows = await connection.execute(_LOST, {"batch": _BATCH})
            settlements = [
                _recovery(LostLease(run_id=run_id, lease_token=token, state=RunState(state), losses=losses))
                for run_id, token, state, losses in rows
            ]
            if settlements:
                await settle(connection, self._outbox, settlements, confirm_seconds=self._confirm_seconds)
            return Counter(one.outcome.event for one in settlements)

        return await self._database.run(work)


def _recovery(lost: LostLease) -> Settlement:
    return Settlement(
        run_id=lost.run_id,
        lease_token=lost.lease_token,
        seen=lost.state,
        outcome=decide_lost_lease(lost),
        excused=True,
        lost=True,
    )


def _json(progress: Progress | None) -> str | None:
    return None if progress is None else msgspec.json.encode(progress).decode()
