"""A supervised background loop: a failed turn is tried again, and a loop that has ended is seen."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog

_FIRST_BACKOFF = 0.1
_LONGEST_BACKOFF = 5.0

_log = structlog.get_logger(__name__)


class Loop:
    """Calls ``turn`` again and again; it returns the seconds to rest, which ``wake`` cuts short.

    A turn that raises is logged, counted by ``count_failure`` and tried again after ``first_backoff`` seconds, which
    double up to ``longest_backoff``. ``failures`` counts the failed turns since the last one that succeeded.
    """

    def __init__(
        self,
        name: str,
        turn: Callable[[], Awaitable[float]],
        *,
        count_failure: Callable[[], None],
        first_backoff: float = _FIRST_BACKOFF,
        longest_backoff: float = _LONGEST_BACKOFF,
    ) -> None:
        self.name = name
        self.failures = 0
        self._count_failure = count_failure
        self._first_backoff = first_backoff
        self._longest_backoff = longest_backoff
        self._turn = turn
        self._woken = asyncio.Event()
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._next_turn = time.monotonic()

    def start(self) -> None:
        """Begin in the background."""
        self._next_turn = time.monotonic()
        self._task = asyncio.create_task(self._run(), name=f"loop-{self.name}")

    async def stop(self) -> None:
        """Let the turn in flight finish, and no other begin."""
        self._stopped.set()
        self._woken.set()
        if self._task is not None:
            await self._task

    def wake(self) -> None:
        """Begin the next turn now, or right after the one in flight."""
        self._woken.set()

    @property
    def seconds_overdue(self) -> float:
        """How long ago the turn that now goes on or should have begun was due; negative while it rests."""
        return time.monotonic() - self._next_turn

    @property
    def alive(self) -> bool:
        """True if it was started and has not ended."""
        return self._task is not None and not self._task.done()

    async def _run(self) -> None:
        backoff = self._first_backoff
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                rest = await self._turn()
                self.failures, backoff = 0, self._first_backoff
            except Exception as error:
                self.failures += 1
                self._count_failure()
                _log.warning("loop_turn_failed", loop=self.name, reason=repr(error), retry_in_seconds=backoff)
                # Only the stop cuts this rest short: a wake-up must not turn a failing loop into a busy one.
                await _wait(self._stopped, backoff)
                rest, backoff = 0.0, min(backoff * 2, self._longest_backoff)
            self._next_turn = time.monotonic() + rest
            if rest > 0 and not self._woken.is_set():
                await _wait(self._woken, rest)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
