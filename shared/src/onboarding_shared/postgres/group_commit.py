"""Group commit: requests that arrive during a commit share the next transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable

_MAX_BATCH = 256
BUSY_FROM = 8
GATHER_SECONDS = 0.004
"""A batch of thirty rows costs little more than a single row; this is about half the time of its statements."""


def gather_seconds(last_batch: int) -> float:
    """Seconds to wait before the next batch, depending on the size of the last one."""
    return GATHER_SECONDS if last_batch >= BUSY_FROM else 0.0


Request = TypeVar("Request")
RequestResult = TypeVar("RequestResult")
BatchWork = Callable[[AsyncConnection, Sequence[Request]], Awaitable[Sequence[RequestResult | Exception]]]


class GroupCommit(Generic[Request, RequestResult]):
    """Runs ``work`` for a batch of requests in one transaction. Requests are delayed only under load.

    ``work`` returns one result per request, in order; an exception in its place is raised to that request only.
    If ``work`` itself raises, each request runs in a transaction of its own, so that an invalid request does not
    affect the others. ``work`` must be safe to run twice.
    """

    def __init__(self, database: Database, work: BatchWork[Request, RequestResult]) -> None:
        self._database = database
        self._work = work
        self._waiting: list[tuple[Request, asyncio.Future[RequestResult]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> RequestResult:
        """Return the result of ``request`` once its transaction has committed.

        Cancelling the caller does not cancel the work, which may be committed already.
        """
        result: asyncio.Future[RequestResult] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, result))
        if self._runner is None:
            self._runner = asyncio.create_task(self._drain(), name="group-commit")
        return await result

    async def settle(self) -> None:
        """Wait until every submitted request is finished."""
        while self._runner is not None:
            await asyncio.wait([self._runner])

    async def _drain(self) -> None:
        try:
            last = 0
            while self._waiting:
                await asyncio.sleep(gather_seconds(last))  # requests of the same tick join this batch in any case
                batch, self._waiting = self._waiting[:_MAX_BATCH], self._waiting[_MAX_BATCH:]
                await self._commit(batch)
                last = len(batch)
        finally:
            self._runner = None

    async def _commit(self, batch: Sequence[tuple[Request, "asyncio.Future[RequestResult]"]]) -> None:
        requests = [request for request, _ in batch]
        try:
            results: Sequence[RequestResult | Exception] = await self._database.run(lambda tx: self._work(tx, requests))
        except DatabaseUnavailable as error:
            results = [error] * len(batch)
        except Exception as error:
            if len(batch) > 1:
                for pending in batch:
                    await self._commit([pending])
                return
            results = [error]
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
