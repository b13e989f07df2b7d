"""Keeps the leases of everything under way, and tells its progress, with one statement for all."""

from collections.abc import Callable, Collection

from onboarding_shared.contracts.types import RunState

from task_runner.store.leases import Held, Leases
from task_runner.worker.attempt import Attempt, Stop

BEAT_SECONDS = 1.0
"""How often it looks; so a run's progress is told once a second at most."""


class Heartbeat:
    """One turn of the loop that keeps leases alive."""

    def __init__(self, leases: Leases, attempts: Callable[[], Collection[Attempt]], clock: Callable[[], float]) -> None:
        self._leases = leases
        self._attempts = attempts
        self._clock = clock

    async def beat(self) -> float:
        """Renew when a third of any lease has passed or anything progressed; returns the seconds to the next look.

        Raises ``DatabaseUnavailable``: the leases then go on to their end, and the attempts stop by themselves.
        """
        attempts = [one for one in self._attempts() if one.stopped_by is not Stop.LEASE]
        if any(one.renewal_due or one.progress != one.told for one in attempts):
            progress = [one.progress for one in attempts]
            began = self._clock()
            states = await self._leases.renew(
                [
                    Held(one.run_id, one.claim.lease_token, now if now != one.told else None)
                    for one, now in zip(attempts, progress, strict=True)
                ]
            )
            for one, told in zip(attempts, progress, strict=True):
                one.told = told
                self._follow(one, states.get(one.run_id), began)
        return BEAT_SECONDS

    def _follow(self, attempt: Attempt, state: RunState | None, began: float) -> None:
        if state is None:
            attempt.stop(Stop.LEASE)
            return
        attempt.renewed(began)
        if state is RunState.CANCELLING and attempt.seen is not RunState.CANCELLING:
            attempt.stop(Stop.CANCEL)
