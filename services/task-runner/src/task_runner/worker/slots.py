"""The slots of a worker, each for one attempt."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from task_runner.store.rows import Claim


class Slots:
    """Counts slots. They are reserved before the database is asked for claims, so that no two ask for the same ones."""

    def __init__(self, concurrency: int, in_use: Callable[[], int], *, clock: Callable[[], float]) -> None:
        self._concurrency = concurrency
        self._in_use = in_use
        self._clock = clock
        self._unreserved = asyncio.Event()
        self._reserved = 0
        self.change(0)

    @property
    def reserved(self) -> int:
        """The slots that are reserved now."""
        return self._reserved

    def change(self, by: int) -> None:
        """Reserve more slots, or fewer."""
        self._reserved += by
        if self._reserved:
            self._unreserved.clear()
        else:
            self._unreserved.set()

    async def wait_until_unreserved(self, seconds: float) -> None:
        """Wait until no slots are reserved, but not longer than ``seconds``."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._unreserved.wait(), seconds)

    def reserve(self, wanted: int | None, begin: Callable[[Sequence[Claim], float], None]) -> "ReservedSlots | None":
        """Reserve up to ``wanted`` free slots, all of them for None; None if there are none."""
        free = self._concurrency - self._in_use() - self._reserved
        count = free if wanted is None else min(free, wanted)
        return ReservedSlots(self, count, self._clock(), begin) if count > 0 else None


class ReservedSlots:
    """``count`` slots, reserved until ``begin`` or ``release`` is called; ``began`` is the time of the reservation."""

    def __init__(self, slots: Slots, count: int, began: float, begin: Callable[[Sequence[Claim], float], None]) -> None:
        self.count = count
        self.began = began
        self._slots = slots
        self._begin = begin
        self._held = count
        slots.change(count)

    def begin(self, claims: Sequence[Claim]) -> None:
        """Begin the attempts of these claims, whose leases were written after the reservation."""
        self.release()
        self._begin(claims, self.began)

    def release(self) -> None:
        """Give back what is still reserved."""
        released, self._held = self._held, 0
        self._slots.change(-released)
