"""The memory of the process for answers: the bytes that are read, and what is decoded from them."""

import asyncio
import random
from collections import deque
from collections.abc import Callable

from task_runner.providers.gates import MOST_DEFERRALS
from task_runner.providers.http import TOO_LARGE
from task_runner.tasks.result import AttemptDeferred, CannotTell, TaskFault

MEMORY_BUSY = "RUNNER_MEMORY_BUSY"
DECODED_FACTOR = 8
"""Bytes of Python objects for each byte of JSON, measured with lists of users, groups and policies."""
PATIENCE = 5.0
"""Longest wait in seconds for memory; then the attempt ends, and gives back what it holds."""
LATER = (6.0, 15.0)
"""Seconds after which such a run is claimed again: at random, so that those that were in each other's way are not."""
_FIRST_SHARE = 0.75
_SMALL = 256 * 1024


class AnswerMemory:
    """So many bytes for all attempts of the process. What is kept only to be shared makes room for them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.used = 0
        self.make_room: Callable[[int], int] = lambda _: 0
        """Called with the missing bytes: drops what nobody needs, and returns how many bytes that were."""
        self._waiting: deque[tuple[int, int, asyncio.Future[None]]] = deque()

    @property
    def is_over(self) -> bool:
        """True if more is used than there is, because what was there already was counted."""
        return self.used > self.size

    def take(self, amount: int, held: int = 0) -> bool:
        """Take bytes if they are free. Who holds little does not get the last quarter, so that others can finish."""
        limit = self._limit(held)
        if self.used + amount > limit:
            self.used -= self.make_room(self.used + amount - limit)
        if self.used + amount > limit:
            return False
        self.used += amount
        return True

    async def wait_for(self, amount: int, held: int) -> None:
        """Take bytes once they are free, in the order of those who wait. Ends with its cancellation."""
        place = (amount, held, asyncio.get_running_loop().create_future())
        self._waiting.append(place)
        try:
            await place[2]
        except asyncio.CancelledError:
            if place[2].done() and not place[2].cancelled():
                self.give_back(amount)
            raise
        finally:
            if place in self._waiting:
                self._waiting.remove(place)

    def force(self, amount: int) -> None:
        """Count bytes that are there already."""
        self.used += amount

    def give_back(self, amount: int) -> None:
        """Free bytes, for those who wait."""
        self.used -= amount
        while self._waiting:
            wanted, held, turn = self._waiting[0]
            if not turn.done():
                if not self.take(wanted, held):
                    return
                turn.set_result(None)
            self._waiting.popleft()

    def _limit(self, held: int) -> int:
        return self.size if held >= _SMALL else int(self.size * _FIRST_SHARE)


class Share:
    """The memory that one attempt holds, until ``close``."""

    def __init__(self, memory: AnswerMemory, *, deferrals: int = 0) -> None:
        """``deferrals`` is how often the run went back to the queue: after too many it fails, with its retry policy."""
        self._memory = memory
        self._deferrals = deferrals
        self.held = 0

    def __del__(self) -> None:
        self.close()

    async def reserve(self, amount: int) -> None:
        """Hold so many bytes more.

        Raises ``CannotTell`` if the attempt alone needs too much, and ``AttemptDeferred``, after too many times
        ``TaskFault``, if there is no room in time.
        """
        if self.held + amount > self._memory.size * _FIRST_SHARE:
            limit = round(self._memory.size / 1024**2)
            message = f"The answers need more memory than one run may use of the {limit} MB for all runs."
            raise CannotTell(TOO_LARGE, message)
        if not self._memory.take(amount, self.held):
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._memory.wait_for(amount, self.held)
            except TimeoutError:
                raise self._busy() from None
        self.held += amount

    def give_back(self, amount: int) -> None:
        """Hold so many bytes less."""
        amount = min(amount, self.held)
        self.held -= amount
        self._memory.give_back(amount)

    def close(self) -> None:
        """Hold nothing."""
        self.give_back(self.held)

    def _busy(self) -> TaskFault:
        seconds = random.uniform(*LATER)  # noqa: S311
        message = "Answers of other runs fill the memory of the task runner; the run goes on later."
        if self._deferrals < MOST_DEFERRALS:
            return AttemptDeferred(MEMORY_BUSY, message, seconds=seconds)
        return TaskFault(MEMORY_BUSY, message, retryable=True, retry_after=seconds)
