"""Readings that runs share: equal requests made at the same time, or a short time ago, are one request."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import msgspec
from prometheus_client import Counter

from task_runner.providers import graph_errors
from task_runner.providers.memory import AnswerMemory
from task_runner.providers.messages import Answer, copied, without_query
from task_runner.providers.tenant_connection import Identity, TenantConnection
from task_runner.tasks.result import TaskFault

SHARED = Counter("onboarding_provider_readings_shared_total", "Readings taken from another run instead of a request")

Pages = tuple[Answer, ...]
"""All responses of one reading: one of an object, one for each page of a list."""


class ReadingKey(NamedTuple):
    """The identity of a request: who asks which tenant, for what."""

    identity: Identity
    url: str
    headers: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, use: TenantConnection, url: str, headers: Mapping[str, str] | None) -> "ReadingKey":
        """The key of a request on this connection, whichever tenant of the platform uses it."""
        return cls(Identity.of(use.connection), url, tuple(sorted((headers or {}).items())))

    def is_at(self, changed: Identity) -> bool:
        """True if it is a request to the tenant of this identity."""
        return self.identity[:2] == changed[:2]


class Reading(NamedTuple):
    """The responses, and whether another run received them."""

    pages: Pages
    shared: bool


class _Kept(NamedTuple):
    pages: Pages
    began: float
    size: int


class _Flight:
    """A request under way. ``ended`` has its responses, a fault for those who wait, or None: read it yourself."""

    def __init__(self, began: float) -> None:
        self.began = began
        self.ended: asyncio.Future[Pages | TaskFault | None] = asyncio.get_running_loop().create_future()


class SharedReadings:
    """The readings of this process. They are bounded by number and bytes; the oldest are dropped first."""

    def __init__(
        self,
        *,
        longest: float,
        entries: int,
        size: int,
        memory: AnswerMemory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``longest`` is the greatest age of a reading in seconds, ``size`` that of all together in bytes.

        They are counted in ``memory``, and make room in it.
        """
        self._memory = memory or AnswerMemory(size)
        self._memory.make_room = self._make_room
        self.longest = longest
        self._entries = entries
        self._size = size
        self._clock = clock
        self._kept: OrderedDict[ReadingKey, _Kept] = OrderedDict()
        self._flights: dict[ReadingKey, _Flight] = {}
        self._bytes = 0

    async def read(
        self, key: ReadingKey, since: float, remaining: Callable[[], float], ask: Callable[[], Awaitable[Pages]]
    ) -> Reading:
        """The reading of an equal request that began at ``since`` (on the clock) or later, else that of ``ask``.

        Waits for a request under way, at most ``remaining`` seconds. What is kept are successes; a refusal and a
        ``TaskFault`` reach those who wait for them, and nobody else. A cancellation reaches nobody else.
        """
        kept = self._kept.get(key)
        if kept is not None and kept.began >= since:
            SHARED.inc()
            return Reading(kept.pages, shared=True)
        while (flight := self._flights.get(key)) is not None and flight.began >= since:
            ended = await _end_of(flight, remaining(), key.url)
            if isinstance(ended, TaskFault):
                raise copied(ended)
            if ended is not None:
                SHARED.inc()
                return Reading(ended, shared=True)
        return Reading(await self._lead(key, remaining, ask), shared=False)

    def drop(self, use: TenantConnection) -> None:
        """Forget every reading of the connection's tenant, those under way too: it was changed."""
        changed = Identity.of(use.connection)
        for key in [key for key in self._kept if key.is_at(changed)]:
            self._remove(key)
        for key in [key for key in self._flights if key.is_at(changed)]:
            del self._flights[key]

    async def _lead(
        self, key: ReadingKey, remaining: Callable[[], float], ask: Callable[[], Awaitable[Pages]]
    ) -> Pages:
        flight = self._flights[key] = _Flight(self._clock())
        ended: Pages | TaskFault | None = None
        try:
            ended = await ask()
        except TaskFault as fault:
            ended = fault if remaining() > 0 else None  # its own time ran out: others may have more
            raise
        finally:
            current = self._flights.get(key) is flight
            if current:
                del self._flights[key]
            flight.ended.set_result(ended)
        if current and all(answer.ok for answer in ended):
            self._keep(key, _Kept(ended, flight.began, sum(len(answer.content) for answer in ended)))
        return ended

    def _keep(self, key: ReadingKey, kept: _Kept) -> None:
        self._remove(key)
        self._kept[key] = kept
        self._bytes += kept.size
        self._memory.force(kept.size)
        oldest_used = self._clock() - self.longest
        while self._kept:
            first, oldest = next(iter(self._kept.items()))
            too_many = len(self._kept) > self._entries or self._bytes > self._size or self._memory.is_over
            if not too_many and oldest.began >= oldest_used:
                return
            self._remove(first)

    def _remove(self, key: ReadingKey) -> None:
        removed = self._kept.pop(key, None)
        if removed is not None:
            self._bytes -= removed.size
            self._memory.give_back(removed.size)

    def _make_room(self, missing: int) -> int:
        """Drop the oldest readings; return their bytes. What runs use of them is counted by the runs."""
        before = self._bytes
        while self._kept and before - self._bytes < missing:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.size
        return before - self._bytes


async def _end_of(flight: _Flight, remaining: float, url: str) -> Pages | TaskFault | None:
    try:
        async with asyncio.timeout(max(0.0, remaining)):
            return await asyncio.shield(flight.ended)
    except TimeoutError:
        raise graph_errors.unavailable(without_query(url), "no response in time") from None


def as_shared(answer: Answer) -> Answer:
    """The response as the record of a run shows it that did not send the request."""
    return msgspec.structs.replace(answer, recorded=msgspec.structs.replace(answer.recorded, shared=True))
