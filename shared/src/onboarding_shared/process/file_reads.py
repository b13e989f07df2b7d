"""Reads files that somebody else writes, without waiting for a device and without blocking the event loop."""

import asyncio
import os
import queue
import stat
import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

READ_SECONDS = 5.0
"""Longest time for which a caller waits for a file."""
_THREADS = 64

T = TypeVar("T")


class UnreadableFile(Exception):
    """The file is not a regular one, or too large."""


def read_regular_file(path: str | Path, limit: int) -> bytes:
    """The content of a regular file of at most ``limit`` bytes; its last part must not be a link.

    Type and size are checked before the first byte is read. Raises ``UnreadableFile`` and ``OSError``.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableFile("is not a regular file")
        content = file.read(limit + 1) if status.st_size <= limit else None
    if content is None or len(content) > limit:
        raise UnreadableFile(f"is larger than {limit} bytes")
    return content


class BlockingCalls:
    """Runs calls that may hang, as a read of a network folder does, in at most ``threads`` threads of its own.

    A hanging call takes no thread from others of the process, such as name resolution, and does not keep the process
    from ending. Calls with the same key share one thread and its result.
    """

    def __init__(self, threads: int = _THREADS) -> None:
        self._most = threads
        self._started = 0
        self._unfinished = 0
        self._counting = threading.Lock()
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = queue.SimpleQueue()
        self._running: dict[Hashable, Future[Any]] = {}

    async def run(self, key: Hashable, call: Callable[[], T], seconds: float = READ_SECONDS) -> T:
        """Return what ``call`` returns. Raises what it raises, and ``TimeoutError`` after ``seconds``."""
        future = self._running.get(key) or self._begin(key, call)
        result: asyncio.Future[T] = asyncio.wrap_future(future)
        result.add_done_callback(_take_exception)
        async with asyncio.timeout(seconds):
            return await asyncio.shield(result)

    def _begin(self, key: Hashable, call: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._running[key] = future
        future.add_done_callback(lambda _: self._finished(key))
        self._waiting.put((future, call))
        with self._counting:
            self._unfinished += 1
            lacking = self._started < min(self._unfinished, self._most)
            self._started += lacking
        if lacking:
            threading.Thread(target=self._work, name="blocking-call", daemon=True).start()
        return future

    def _finished(self, key: Hashable) -> None:
        self._running.pop(key, None)
        with self._counting:
            self._unfinished -= 1

    def _work(self) -> None:
        while True:
            future, call = self._waiting.get()
            try:
                result = call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)


def _take_exception(result: asyncio.Future[Any]) -> None:
    if not result.cancelled():
        result.exception()


BLOCKING_CALLS = BlockingCalls()
"""The calls of this process."""
