"""Limits the concurrency and the rate of requests to each tenant at Microsoft."""

import asyncio
import random
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple
from weakref import WeakValueDictionary

from prometheus_client import Histogram

from task_runner.providers.limits import Cost, Service, service_of
from task_runner.providers.pace import Pace
from task_runner.tasks.result import AttemptDeferred, TaskFault

TENANT_BUSY = "TENANT_BUSY"
PATIENCE = 1.0
"""Longest wait in seconds for a turn within an attempt; for a longer one the run goes back to the queue."""
MOST_DEFERRALS = 10
"""Maximum number of times that a run goes back to the queue; later it waits within its attempts."""
FIRST_BACKOFF = 2.0
LONGEST_BACKOFF = 300.0
"""Seconds of the first pause after a 429 without ``Retry-After``, which doubles with each one, and of the longest."""
JITTER = 0.25
"""The share by which such a pause may be longer."""
PARTNER_FACTOR = 4
MOST_GATES = 4096
"""Gates that are kept, some 2 KB each."""
ONE = Cost()

WAIT = Histogram(
    "onboarding_provider_turn_wait_seconds",
    "Time that requests waited because of the request limits of their tenant",
    buckets=(0.001, 0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0),
)


class Waiting(NamedTuple):
    """The time that a run may wait for a turn, in seconds, and whether it then goes back to the queue."""

    seconds: float
    run_id: int = 0
    deferrable: bool = True

    @classmethod
    def of(cls, run_id: int, remaining: float, deferrals: int) -> "Waiting":
        """A run that was deferred too often waits within its attempt, so that it ends."""
        deferrable = deferrals < MOST_DEFERRALS
        return cls(min(PATIENCE, remaining) if deferrable else remaining, run_id, deferrable)

    def too_long(self, seconds: float) -> TaskFault:
        """The exception for a turn that is ``seconds`` away."""
        message = "Other requests used the limit of this tenant; the run goes on when it is its turn."
        if self.deferrable:
            return AttemptDeferred(TENANT_BUSY, message, seconds=seconds)
        return TaskFault(TENANT_BUSY, message, retryable=True, retry_after=seconds)


class TenantGate:
    """Limits the requests to one tenant: ``requests`` concurrent, ``rate`` per second, with bursts of one second.

    The directory, Conditional Access and reports have limits of their own besides. A service that throttles is left
    alone until its pause is over.
    """

    def __init__(
        self,
        *,
        requests: int,
        rate: float,
        services: Mapping[Service, tuple[float, float]] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``services`` are the rate and burst of single services of Microsoft Graph, in ``LIMITS``'s measures."""
        self._slots = asyncio.Semaphore(requests)
        self._clock = clock
        self._pace = Pace(rate, burst=max(1.0, rate), clock=clock)
        self._services = {
            service: Pace(limit, burst=burst, clock=clock) for service, (limit, burst) in (services or {}).items()
        }
        self._closed: dict[Service, float] = {}
        self._refusals: dict[Service, int] = {}

    @asynccontextmanager
    async def turn(self, waiting: "Waiting", url: str = "", cost: Cost = ONE) -> AsyncIterator[None]:
        """Wait until a request may start, and count it as concurrent until exit.

        Raises ``AttemptDeferred`` if that takes longer than the run may wait; the run keeps its place. Raises
        ``TaskFault`` ``TENANT_BUSY`` if the run may not be deferred.
        """
        began = self._clock()
        service = service_of(url)
        try:
            async with asyncio.timeout(max(0.0, waiting.seconds)):
                await self._slots.acquire()
        except TimeoutError:
            raise waiting.too_long(PATIENCE) from None
        try:
            wait = self._book(service, waiting, cost, began)
            if wait > 0:
                await asyncio.sleep(wait)
            WAIT.observe(self._clock() - began)
            yield
        finally:
            self._slots.release()

    def _book(self, service: Service, waiting: "Waiting", cost: Cost, began: float) -> float:
        """Book a moment at the service and at the tenant; returns the seconds until then."""
        now = self._clock()
        paces, waits = [self._pace], [self._pace.book(waiting.run_id, cost.requests)]
        if (limited := self._services.get(service)) is not None:
            paces.append(limited)
            waits.append(limited.book(waiting.run_id, cost.units if service is Service.DIRECTORY else cost.requests))
        wait = max(self._closed.get(service, now) - now, *waits)
        if wait > waiting.seconds - (now - began):
            # Only single services keep places: elsewhere the run may find another's reading, and never use its own.
            for pace in paces if service is Service.DIRECTORY else [self._pace]:
                pace.give_back(waiting.run_id)
            raise waiting.too_long(wait)
        for pace in paces:
            pace.use(waiting.run_id)
        return wait

    def throttled(self, url: str, retry_after: float | None) -> float:
        """Leave the service alone for ``retry_after`` seconds, or a growing pause without it; returns the pause."""
        service = service_of(url)
        refusals = self._refusals[service] = self._refusals.get(service, 0) + 1
        backoff = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** min(refusals - 1, 16))
        pause = backoff * (1 + random.uniform(0, JITTER)) if retry_after is None else retry_after  # noqa: S311
        self._closed[service] = max(self._closed.get(service, 0.0), self._clock() + pause)
        return pause

    def answered(self, url: str) -> None:
        """The service answers again."""
        self._refusals.pop(service_of(url), None)


class TenantGates:
    """The gates of tenants, shared by all connections to a tenant.

    The ``MOST_GATES`` latest are kept after their last use, so that a pause that Microsoft asked for, and the places of
    runs that went back to the queue, outlast the token. One that is in use is never forgotten.
    """

    def __init__(
        self,
        *,
        requests: int,
        rate: float,
        services: Mapping[Service, tuple[float, float]],
        partner: str | None = None,
    ) -> None:
        """The limits apply to each tenant in this process: ``requests`` concurrent, ``rate`` per second.

        The ``partner`` tenant may have ``PARTNER_FACTOR`` times as many, because the checks of all customers read it.
        """
        self._partner = (partner or "").lower()
        self._requests = requests
        self._rate = rate
        self._services = services
        self._gates: WeakValueDictionary[str, TenantGate] = WeakValueDictionary()
        self._latest: OrderedDict[str, TenantGate] = OrderedDict()

    def of(self, external_tenant_id: str) -> TenantGate:
        """Return the gate of this tenant at Microsoft."""
        key = external_tenant_id.lower()
        gate = self._gates.get(key)
        if gate is None:
            factor = PARTNER_FACTOR if key == self._partner else 1
            gate = TenantGate(requests=factor * self._requests, rate=factor * self._rate, services=self._services)
            self._gates[key] = gate
        self._latest[key] = gate
        self._latest.move_to_end(key)
        if len(self._latest) > MOST_GATES:
            self._latest.popitem(last=False)
        return gate
