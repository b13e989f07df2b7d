"""The pace of requests: so many a second with a burst, in the order in which runs asked."""

import time
from collections.abc import Callable

MOST_BOOKED = 10_000
"""Places that are kept for runs that went back to the queue; the oldest are given up first."""


class Pace:
    """Gives requests their moments. A run that cannot wait keeps its place until it returns."""

    __slots__ = ("_clock", "_interval", "_next", "_places", "_slack", "_used")  # there are several for each tenant

    def __init__(self, rate: float, *, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        """``rate`` is in requests per second; ``burst`` of them may start at once after a pause, at least one."""
        self._interval = 1.0 / rate
        self._slack = (max(1.0, burst) - 1.0) * self._interval
        self._clock = clock
        self._next = clock()
        self._used: list[float] = []
        """The moments of the latest requests, as far as they matter to those who return late."""
        self._places: dict[int, tuple[float, int]] = {}

    def book(self, run_id: int, cost: int = 1) -> float:
        """The seconds until the run's request may start, zero or negative = now. A second booking is the same one."""
        now = self._clock()
        if run_id in self._places:
            due, cost = self._places[run_id]
            due = self._free_moment(run_id, due, now)
        else:
            due = max(self._next, now)
        self._next = max(self._next, due + cost * self._interval)
        self._places[run_id] = (due, cost)
        if len(self._places) > MOST_BOOKED:
            del self._places[next(iter(self._places))]
        return due - self._slack - now

    def use(self, run_id: int) -> None:
        """Start the request of the run, at the moment that ``book`` said."""
        due, _ = self._places.pop(run_id)
        if not self._slack:
            before = self._clock() - self._interval
            self._used = [moment for moment in self._used if moment > before] + [due]

    def give_back(self, run_id: int) -> None:
        """Give up the place of the run. Its moment is free again if nobody has a later one."""
        due, cost = self._places.pop(run_id)
        if self._next == due + cost * self._interval:
            self._next = due

    def _free_moment(self, run_id: int, due: float, now: float) -> float:
        """The moment of a run that returns: its own, or if that has passed the next one that nobody has."""
        if due >= now or self._slack:
            return due
        others = [place for run, (place, _) in self._places.items() if run != run_id] + self._used
        for taken in sorted(moment for moment in others if moment > now - self._interval):
            if taken - now >= self._interval:
                break
            now = taken + self._interval
        return now
