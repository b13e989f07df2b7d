"""Group commit: requests that arrive during a commit share the next transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable

_MAX_BATCH = 256
MAX_OF_ONE = 32
"""The weight of one owner's requests in a transaction, so that everybody else in it waits for no more than these."""
BUSY_FROM = 8
GATHER_SECONDS = 0.004
"""A batch of thirty rows costs little more than a single row; this is about half the time of its statements."""


def gather_seconds(last_batch: int) -> float:
    """Seconds to wait before the next batch, depending on the size of the last one."""
    return GATHER_SECONDS if last_batch >= BUSY_FROM else 0.0


def fair_turns(
    requests: Iterable[tuple[Hashable, int]], *, most: int = _MAX_BATCH, of_one: int = MAX_OF_ONE
) -> list[int]:
    """The places of the waiting requests, each an owner and a weight, that come next: light ones of each owner in turn.

    Of each owner there come as many as weigh ``of_one`` together, at least one. They stay in order.
    """
    turns: dict[Hashable, int] = {}
    ranked: list[tuple[int, int]] = []
    for place, (owner, weight) in enumerate(requests):
        taken = turns.get(owner, 0)
        if taken == 0 or taken + weight <= of_one:
            ranked.append((taken, place))
            turns[owner] = taken + weight
        else:
            turns[owner] = max(taken, of_one)
    return [place for _, place in sorted(ranked)[:most]]


Request = TypeVar("Request")
RequestResult = TypeVar("RequestResult")


class _Pending(NamedTuple, Generic[Request, RequestResult]):
    request: Request
    owner: Hashable
    weight: int
    future: "asyncio.Future[RequestResult]"


BatchWork = Callable[[AsyncConnection, Sequence[Request]], Awaitable[Sequence[RequestResult | Exception]]]


class GroupCommit(Generic[Request, RequestResult]):
    """Runs ``work`` for a batch of requests in one transaction. Requests are delayed only under load.

    ``work`` returns one result per request, in order; an exception in its place is raised to that request only.
    If ``work`` itself raises, each request runs in a transaction of its own, so that an invalid request does not
    affect the others. ``work`` must be safe to run twice. ``owner`` tells whose a request is: owners get fair turns.
    ``weight`` is the work that a request makes, 1 for the least. ``single`` tells that ``work`` is one statement for
    these requests, so that it needs no BEGIN and COMMIT.
    """

    def __init__(
        self,
        database: Database,
        work: BatchWork[Request, RequestResult],
        *,
        owner: Callable[[Request], Hashable],
        weight: Callable[[Request], int] = lambda _: 1,
        single: Callable[[Sequence[Request]], bool] = lambda _: False,
    ) -> None:
        self._database = database
        self._work = work
        self._owner = owner
        self._weight = weight
        self._single = single
        self._waiting: list[_Pending[Request, RequestResult]] = []
        self._runner: asyncio.Task[None] | None = None

    def submit(self, request: Request) -> Awaitable[RequestResult]:
        """The result of ``request``, which is there once its transaction has committed.

        Cancelling the caller does not cancel the work, which may be committed already.
        """
        result: asyncio.Future[RequestResult] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Pending(request, self._owner(request), self._weight(request), result))
        if self._runner is None:
            self._runner = asyncio.create_task(self._drain(), name="group-commit")
        return result

    async def settle(self) -> None:
        """Wait until every submitted request is finished."""
        while self._runner is not None:
            await asyncio.wait([self._runner])

    async def _drain(self) -> None:
        try:
            last = 0
            while self._waiting:
                await asyncio.sleep(gather_seconds(last))  # requests of the same tick join this batch in any case
                batch = self._next_batch()
                await self._commit(batch)
                last = len(batch)
        finally:
            self._runner = None

    def _next_batch(self) -> list[_Pending[Request, RequestResult]]:
        waiting = self._waiting
        places = fair_turns([(pending.owner, pending.weight) for pending in waiting])
        taken = set(places)
        self._waiting = [pending for place, pending in enumerate(waiting) if place not in taken]
        return [waiting[place] for place in places]

    async def _commit(self, batch: Sequence[_Pending[Request, RequestResult]]) -> None:
        requests = [pending.request for pending in batch]
        run = self._database.run_single if self._single(requests) else self._database.run
        try:
            results: Sequence[RequestResult | Exception] = await run(lambda tx: self._work(tx, requests))
        except DatabaseUnavailable as error:
            results = [error] * len(batch)
        except Exception as error:
            if len(batch) > 1:
                for pending in batch:
                    await self._commit([pending])
                return
            results = [error]
        for pending, result in zip(batch, results, strict=True):
            future = pending.future
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
