"""Limits the concurrency and the rate of requests to each tenant at Microsoft."""

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
    "Time that requests waited because of the request limits of their tenant",
    buckets=(0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0),
)


class TenantGate:
    """Limits the requests to one tenant: ``requests`` concurrent, ``rate`` per second, with bursts of one second."""

    def __init__(self, *, requests: int, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = asyncio.Semaphore(requests)
        self._interval = 1.0 / rate
        self._burst = max(0.0, rate - 1.0) * self._interval
        self._clock = clock
        self._next = clock()

    @asynccontextmanager
    async def turn(self, remaining: float) -> AsyncIterator[None]:
        """Wait until a request may start, in order of arrival, and count it as concurrent until exit.

        Raise ``TaskFault`` ``TENANT_BUSY`` if it may not start within ``remaining`` seconds.
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
        """Reserve the next start time and return the seconds until it. Raise if it is after ``remaining``."""
        now = self._clock()
        due = max(self._next, now)
        wait = due - self._burst - now
        if wait > remaining:
            raise _busy()
        self._next = due + self._interval
        return wait


class TenantGates:
    """The gates of the tenants in use, shared by all connections to a tenant. Unused gates are garbage collected."""

    def __init__(self, *, requests: int, rate: float) -> None:
        """The limits apply to each tenant in this process: ``requests`` concurrent, ``rate`` per second."""
        self._requests = requests
        self._rate = rate
        self._gates: WeakValueDictionary[str, TenantGate] = WeakValueDictionary()

    def of(self, external_tenant_id: str) -> TenantGate:
        """Return the gate of this tenant at Microsoft."""
        key = external_tenant_id.lower()
        gate = self._gates.get(key)
        if gate is None:
            gate = self._gates[key] = TenantGate(requests=self._requests, rate=self._rate)
        return gate


def _busy() -> TaskFault:
    message = "Other runs used the request limit of this tenant until the deadline of the attempt."
    return TaskFault(TENANT_BUSY, message, retryable=True)
