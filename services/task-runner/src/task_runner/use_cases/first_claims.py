"""Claims new runs in the transaction that stores them, while the worker of this process has free slots."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol, cast

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import after_commit, after_rollback
from task_runner.domain.admission import Admitted
from task_runner.domain.claiming import GuardedRun, choose
from task_runner.domain.execution import RunKey
from task_runner.store.arrivals import Arrival, Lease, Stored, insert
from task_runner.store.rows import Claim


class Reservation(Protocol):
    """Slots of a worker, reserved until ``begin`` or ``release`` is called."""

    @property
    def count(self) -> int: ...

    def begin(self, claims: Sequence[Claim]) -> None: ...

    def release(self) -> None: ...


class FirstClaims:
    """Stores new runs. Those that nothing stands in the way of get their lease at once, without a poll."""

    def __init__(
        self, reserve: Callable[[int], Reservation | None], *, worker: str, lease_seconds: float, tenant_limit: int
    ) -> None:
        """``reserve`` returns up to so many slots of the worker, None if none are free."""
        self._reserve = reserve
        self._lease = Lease(worker, lease_seconds)
        self._tenant_limit = tenant_limit

    async def store(
        self, tx: AsyncConnection, arrivals: Sequence[Arrival], *, waiting: Collection[RunKey], confirm_seconds: float
    ) -> Stored:
        """Insert runs. Those in ``waiting`` get no lease; the attempts of those that get one begin after the commit.

        If the outcome of the COMMIT is unknown, there may be leases that no worker renews. They expire, which counts as
        the loss of a worker, and the runs are claimed then.
        """
        candidates = [
            arrival for arrival in arrivals if isinstance(arrival.decision, Admitted) and arrival.key not in waiting
        ]
        reservation = self._reserve(len(candidates)) if candidates else None
        if reservation is None:
            return await insert(tx, arrivals, confirm_seconds=confirm_seconds)
        after_rollback(tx, reservation.release)
        chosen = choose(map(_guarded, candidates), (), free=reservation.count, tenant_limit=self._tenant_limit)
        keys = {(run.run_id, run.tenant_id) for run in chosen}
        stored = await insert(tx, arrivals, confirm_seconds=confirm_seconds, chosen=keys, lease=self._lease)
        after_commit(tx, partial(reservation.begin, stored.claims))
        return stored


def _guarded(arrival: Arrival) -> GuardedRun:
    command, decision = arrival.command, cast("Admitted", arrival.decision)
    connection = command.connection
    return GuardedRun(
        command.run_id,
        command.tenant_id,
        decision.scope_key,
        decision.mode,
        command.task_type,
        None if connection is None else f"{connection.cloud}/{connection.external_tenant_id.lower()}",
    )
