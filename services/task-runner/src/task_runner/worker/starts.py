"""Announces the attempts that last, many in one statement."""

from collections.abc import Awaitable, Callable, Collection, Sequence

from task_runner.store.rows import Claim
from task_runner.worker.attempt import Attempt

SHORT_SECONDS = 0.05
"""An attempt that ends within this time is not announced: its end follows at once, and says when it began."""
_IDLE_SECONDS = 60.0


class Starts:
    """The iterations of the background loop that publishes RunStarted."""

    def __init__(
        self,
        announce: Callable[[Sequence[Claim]], Awaitable[None]],
        attempts: Callable[[], Collection[Attempt]],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._announce = announce
        self._attempts = attempts
        self._clock = clock
        self.is_idle = True
        """True if the loop has to be woken when the next attempt begins."""

    async def turn(self) -> float:
        """Announce the attempts in progress that are not short; return the seconds until the next is due.

        Raise ``DatabaseUnavailable``; they are announced by a later call.
        """
        self.is_idle = False
        now = self._clock()
        due = [attempt for attempt in self._unannounced() if attempt.began + SHORT_SECONDS <= now]
        if due:
            await self._announce([attempt.claim for attempt in due])
            for attempt in due:
                attempt.announced = True
        begun = [attempt.began for attempt in self._unannounced()]
        self.is_idle = not begun
        return max(0.0, min(begun) + SHORT_SECONDS - self._clock()) if begun else _IDLE_SECONDS

    def _unannounced(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts() if not attempt.announced and not attempt.is_over]
