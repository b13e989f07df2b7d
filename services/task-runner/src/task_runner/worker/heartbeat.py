"""Keeps the leases of everything under way, and tells its progress, with one statement for all."""

from collections.abc import Callable, Collection

from onboarding_shared.contracts.types import RunState
from task_runner.store.leases import Held
from task_runner.use_cases.leases import Leases
from task_runner.worker.attempt import Attempt, Stop

PROGRESS_SECONDS = 1.0
"""A run's progress is told this often at most."""


class Heartbeat:
    """One turn of the loop that keeps leases alive."""

    def __init__(
        self,
        leases: Leases,
        attempts: Callable[[], Collection[Attempt]],
        *,
        lease_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._leases = leases
        self._attempts = attempts
        self._clock = clock
        self._rest = min(PROGRESS_SECONDS, lease_seconds / 6)
        self._progress_due = clock()

    async def beat(self) -> float:
        """Renew when a third of any lease has passed or progress is to be told; returns the seconds to the next look.

        Raises ``DatabaseUnavailable``: the leases then go on to their end, and the attempts stop by themselves.
        """
        attempts = [one for one in self._attempts() if one.stopped_by is not Stop.LEASE]
        began = self._clock()
        telling = began >= self._progress_due
        progress = [one.progress if telling else one.told for one in attempts]
        news = [now if now != one.told else None for one, now in zip(attempts, progress, strict=True)]
        if any(news) or any(one.renewal_due for one in attempts):
            states = await self._leases.renew(
                [Held(one.run_id, one.claim.lease_token, new) for one, new in zip(attempts, news, strict=True)]
            )
            if any(news):
                self._progress_due = began + PROGRESS_SECONDS
            for one, told in zip(attempts, progress, strict=True):
                one.told = told
                self._follow(one, states.get(one.run_id), began)
        return self._rest

    def _follow(self, attempt: Attempt, state: RunState | None, began: float) -> None:
        if state is None:
            attempt.stop(Stop.LEASE)
            return
        attempt.renewed(began)
        if state is RunState.CANCELLING and attempt.seen is not RunState.CANCELLING:
            attempt.stop(Stop.CANCEL)
