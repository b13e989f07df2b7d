"""A supervised background loop that retries failed iterations."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import structlog

_FIRST_BACKOFF = 0.1
_LONGEST_BACKOFF = 5.0

_log = structlog.get_logger(__name__)


class Loop:
    """Calls ``turn`` repeatedly; it returns the seconds until the next call, which ``wake`` cuts short.

    A call that raises is logged, counted by ``count_failure`` and retried after ``first_backoff`` seconds, which double
    up to ``longest_backoff``. ``failures`` counts the failed calls since the last success.
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
        """Start the loop in the background."""
        self._next_turn = time.monotonic()
        self._task = asyncio.create_task(self._run(), name=f"loop-{self.name}")

    async def stop(self) -> None:
        """Wait for the current call to finish and end the loop."""
        self._stopped.set()
        self._woken.set()
        if self._task is not None:
            await self._task

    def wake(self) -> None:
        """Start the next call now, or directly after the current one."""
        self._woken.set()

    @property
    def seconds_overdue(self) -> float:
        """Seconds since the current or next call was due; negative while the loop is waiting."""
        return time.monotonic() - self._next_turn

    @property
    def alive(self) -> bool:
        """True if the loop was started and has not ended."""
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
                # Only a stop ends this wait early: a wake-up must not turn a failing loop into a busy one.
                await _wait(self._stopped, backoff)
                rest, backoff = 0.0, min(backoff * 2, self._longest_backoff)
            self._next_turn = time.monotonic() + rest
            if rest > 0 and not self._woken.is_set():
                await _wait(self._woken, rest)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):  # unlike ``wait_for`` it needs no task
            await event.wait()
