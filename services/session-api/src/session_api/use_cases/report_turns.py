"""The turns of callers whose reports are made: one at a time of each, a few in all, and a bounded number that wait."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

MAX_CONCURRENT = 2
"""Reports that are made at a time, because each holds all of its records in memory."""
MOST_OF_CALLER = 5
MOST = 100
"""Requests for reports that are made or wait, of one caller and of all."""


class TooManyReports(Exception):
    """No further request for a report may wait: of the caller, or in this process."""

    def __init__(self, *, of_caller: bool) -> None:
        super().__init__("too many reports are asked for")
        self.of_caller = of_caller


class ReportTurns:
    """Gives each caller one turn at a time: whoever asks for many waits behind their own reports, and others do not."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(MAX_CONCURRENT)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._asked: Counter[int] = Counter()

    @asynccontextmanager
    async def turn(self, user_id: int) -> AsyncIterator[None]:
        """Wait for a turn of the caller, and keep it. Raises ``TooManyReports``."""
        if self._asked[user_id] >= MOST_OF_CALLER:
            raise TooManyReports(of_caller=True)
        if self._asked.total() >= MOST:
            raise TooManyReports(of_caller=False)
        self._asked[user_id] += 1
        turn = self._turns.setdefault(user_id, asyncio.Lock())
        try:
            async with turn, self._places:
                yield
        finally:
            self._asked[user_id] -= 1
            if not self._asked[user_id]:
                del self._asked[user_id]
