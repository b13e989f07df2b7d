"""Renews leases, and recovers the runs whose lease has expired."""

from collections import Counter
from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import RunEvent
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from task_runner.domain.execution import describe
from task_runner.domain.leases import LostLease, decide_lost_lease
from task_runner.store.leases import Held, renew_leases, take_expired_leases
from task_runner.store.settling import Settlement, settle

_log = structlog.get_logger(__name__)


class Leases:
    """Renews the leases of this worker, and recovers runs whose lease has expired by the clock of the database."""

    def __init__(self, database: Database, outbox: Outbox, *, lease_seconds: float, confirm_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._lease_seconds = lease_seconds
        self._confirm_seconds = confirm_seconds

    async def renew(self, held: Sequence[Held]) -> dict[int, RunState]:
        """Renew the leases in one statement; return the states of the runs whose lease is valid, by its token.

        Changed progress is published as RunProgressed in the same transaction. Raise ``DatabaseUnavailable``.
        """

        async def work(tx: AsyncConnection) -> dict[int, RunState]:
            renewed = await renew_leases(tx, held, self._lease_seconds)
            progressed = [renewal.execution for renewal in renewed if renewal.progressed]
            await self._outbox.append(
                tx, [Outgoing(describe(run), run.traceparent, mac_key=run.run_key) for run in progressed]
            )
            return {renewal.lease_token: renewal.execution.state for renewal in renewed}

        return await self._database.run(work)

    async def recover(self) -> Mapping[RunEvent, int]:
        """Settle a batch of runs whose lease has expired; return the number of runs by event.

        Runs with ``RunEvent.WAIT`` can be claimed again, the others have ended.
        """

        async def work(tx: AsyncConnection) -> list[Settlement]:
            settlements = [_recovery(lost) for lost in await take_expired_leases(tx)]
            if settlements:
                await settle(tx, self._outbox, settlements, confirm_seconds=self._confirm_seconds)
            return settlements

        recovered = await self._database.run(work)
        for settlement in recovered:
            outcome = settlement.outcome.event.value
            _log.warning("lease_expired", run_id=settlement.run_id, outcome=outcome, reason=settlement.outcome.message)
        return Counter(settlement.outcome.event for settlement in recovered)


def _recovery(lost: LostLease) -> Settlement:
    return Settlement(
        run_id=lost.run_id,
        lease_token=lost.lease_token,
        observed=lost.state,
        outcome=decide_lost_lease(lost),
        excused=True,
        lost=True,
    )
