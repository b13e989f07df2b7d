"""Renews the leases of all attempts in progress, and publishes their progress, in one statement."""

from collections.abc import Callable, Collection

from onboarding_shared.contracts.types import RunState
from task_runner.store.leases import Held
from task_runner.use_cases.leases import Leases
from task_runner.worker.attempt import Attempt, Stop

PROGRESS_SECONDS = 1.0
"""Minimum seconds between two RunProgressed messages of a run."""


class Heartbeat:
    """The iterations of the background loop that renews leases."""

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
        self._interval = min(PROGRESS_SECONDS, lease_seconds / 6)
        self._progress_due = clock()

    async def beat(self) -> float:
        """Renew if a third of any lease has passed or progress has changed; return the seconds to the next iteration.

        Raise ``DatabaseUnavailable``. Leases that are not renewed expire, and their attempts are stopped.
        """
        attempts = [attempt for attempt in self._attempts() if attempt.stopped_by is not Stop.LEASE]
        began = self._clock()
        reporting = began >= self._progress_due
        progress = [attempt.progress if reporting and attempt.announced else attempt.reported for attempt in attempts]
        changes = [
            current if current != attempt.reported else None
            for attempt, current in zip(attempts, progress, strict=True)
        ]
        if any(changes) or any(attempt.renewal_due for attempt in attempts):
            states = await self._leases.renew(
                [
                    Held(attempt.run_id, attempt.claim.lease_token, changed)
                    for attempt, changed in zip(attempts, changes, strict=True)
                ]
            )
            if any(changes):
                self._progress_due = began + PROGRESS_SECONDS
            for attempt, reported in zip(attempts, progress, strict=True):
                attempt.reported = reported
                self._follow(attempt, states.get(attempt.claim.lease_token), began)
        return self._interval

    def _follow(self, attempt: Attempt, state: RunState | None, began: float) -> None:
        if state is None:
            attempt.stop(Stop.LEASE)
            return
        attempt.renewed(began)
        if state is RunState.CANCELLING and attempt.observed is not RunState.CANCELLING:
            attempt.stop(Stop.CANCEL)
