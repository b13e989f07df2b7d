"""Concurrent requests share a transaction: what arrives while one commits goes into the next."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable

BUSY_FROM = 8
GATHER_SECONDS = 0.004
"""A batch costs nearly the same for one row as for thirty; this is about half of what all its statements take."""


def gather_seconds(last_batch: int) -> float:
    """Seconds to wait before the next batch is taken, by how many the last one had."""
    return GATHER_SECONDS if last_batch >= BUSY_FROM else 0.0


Request = TypeVar("Request")
Answer = TypeVar("Answer")
BatchWork = Callable[[AsyncConnection, Sequence[Request]], Awaitable[Sequence[Answer | Exception]]]


class GroupCommit(Generic[Request, Answer]):
    """Runs ``work`` for a whole batch in one transaction. Requests wait for others only while many arrive.

    ``work`` returns one answer per request, in order; an exception in its place is raised to that request
    alone. Where ``work`` itself raises, each request is tried in a transaction of its own, so that one bad
    request harms only itself. ``work`` must be safe to run twice.
    """

    def __init__(self, database: Database, work: BatchWork[Request, Answer], *, max_batch: int = 256) -> None:
        self._database = database
        self._work = work
        self._max_batch = max_batch
        self._waiting: list[tuple[Request, asyncio.Future[Answer]]] = []
        self._runner: asyncio.Task[None] | None = None

    async def submit(self, request: Request) -> Answer:
        """The answer to ``request`` once its transaction has committed.

        A caller that is cancelled meanwhile gives up the answer, not the work: it may be committed already.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        if self._runner is None:
            self._runner = asyncio.create_task(self._drain(), name="group-commit")
        return await answer

    async def settle(self) -> None:
        """Wait until everything submitted so far has been answered."""
        while self._runner is not None:
            await asyncio.wait([self._runner])

    async def _drain(self) -> None:
        try:
            last = 0
            while self._waiting:
                await asyncio.sleep(gather_seconds(last))  # requests of the same tick join this batch in any case
                batch, self._waiting = self._waiting[: self._max_batch], self._waiting[self._max_batch :]
                await self._commit(batch)
                last = len(batch)
        finally:
            self._runner = None

    async def _commit(self, batch: Sequence[tuple[Request, "asyncio.Future[Answer]"]]) -> None:
        requests = [request for request, _ in batch]
        try:
            answers: Sequence[Answer | Exception] = await self._database.run(
                lambda connection: self._work(connection, requests)
            )
        except DatabaseUnavailable as error:
            answers = [error] * len(batch)
        except Exception as error:
            if len(batch) > 1:
                for one in batch:
                    await self._commit([one])
                return
            answers = [error]
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)
