"""Limits the concurrency and rate of requests to each customer's tenant."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from prometheus_client import Histogram

from task_runner.tasks.result import TaskFault

TENANT_BUSY = "TENANT_BUSY"

WAIT = Histogram(
    "onboarding_provider_turn_wait_seconds",
    "How long requests waited for their turn in the limits of their tenant",
    buckets=(0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0),
)


class TenantGate:
    """The turns of one tenant's requests: so many at a time, so many a second, and as a burst one second's worth."""

    def __init__(self, *, requests: int, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = asyncio.Semaphore(requests)
        self._interval = 1.0 / rate
        self._burst = max(0.0, rate - 1.0) * self._interval
        self._clock = clock
        self._next = clock()

    @asynccontextmanager
    async def turn(self, remaining: float) -> AsyncIterator[None]:
        """Wait for a turn, first come, first served, and hold it.

        Raises ``TaskFault`` ``TENANT_BUSY`` when there is none within ``remaining`` seconds.
        """
        began = self._clock()
        try:
            async with asyncio.timeout(max(0.0, remaining)):
                await self._slots.acquire()
        except TimeoutError:
            raise _busy() from None
        try:
            wait = self._reserve(remaining - (self._clock() - began))
            if wait > 0:
                await asyncio.sleep(wait)
            WAIT.observe(self._clock() - began)
            yield
        finally:
            self._slots.release()

    def _reserve(self, remaining: float) -> float:
        """Seconds until the moment that is now taken; nothing is taken when that is too late."""
        now = self._clock()
        due = max(self._next, now)
        wait = due - self._burst - now
        if wait > remaining:
            raise _busy()
        self._next = due + self._interval
        return wait


class TenantGates:
    """The gates of all tenants in use, shared by their connections; a gate goes with its last user."""

    def __init__(self, *, requests: int, rate: float) -> None:
        """``requests`` at a time and ``rate`` a second, for each tenant in this process."""
        self._requests = requests
        self._rate = rate
        self._gates: WeakValueDictionary[str, TenantGate] = WeakValueDictionary()

    def of(self, external_tenant_id: str) -> TenantGate:
        """The gate of this tenant at Microsoft."""
        key = external_tenant_id.lower()
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = TenantGate(requests=self._requests, rate=self._rate)
        return gate


def _busy() -> TaskFault:
    message = "The requests of other runs to this tenant left no turn before the end of the attempt."
    return TaskFault(TENANT_BUSY, message, retryable=True)
