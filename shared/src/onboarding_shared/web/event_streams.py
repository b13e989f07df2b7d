"""Answers that do not end: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

What waits for the client of a stream is bounded: a client that does not keep up loses its connection.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from onboarding_shared.web.connections import CONNECTION
from onboarding_shared.web.errors import Problem
from onboarding_shared.web.identity import Caller

MEDIA_TYPE = "text/event-stream"
STREAM = "stream"
"""The key in the scope of a request whose answer is a stream, however long it takes."""
ASKED_BY_HEAD = "asked_by_head"
"""The key in the scope of a GET that is answered for a HEAD."""
HEARTBEAT_SECONDS = 15.0
RECHECK_SECONDS = 15.0
"""After this time the token of an open stream is checked again: its key may have been withdrawn."""
MOST_FRAMES = 1_000
MOST_BYTES = 1024 * 1024
"""Limits of the queue of one client; a frame is shared by all queues that hold it."""
_CHUNK_BYTES = 64 * 1024
_HEADERS = [
    (b"content-type", MEDIA_TYPE.encode()),
    (b"x-accel-buffering", b"no"),
    (b"connection", b"close"),
]


class Frames:
    """The frames that wait for one client, oldest first."""

    def __init__(self) -> None:
        self.overflown = False
        self.closed = False
        self.when_overflown: Callable[[], None] = lambda: None
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._waiter: asyncio.Future[None] | None = None

    def put(self, frame: bytes) -> None:
        """Add a frame. One too many ends the stream, because a client must not miss any."""
        if self.closed:
            return
        self._frames.append(frame)
        self._bytes += len(frame)
        if len(self._frames) > MOST_FRAMES or self._bytes > MOST_BYTES:
            self.overflown = True
            self.close()
            self.when_overflown()
        else:
            self._wake()

    def close(self) -> None:
        """End the stream; what still waits is dropped, and the client gets it when it resumes."""
        self.closed = True
        self._frames.clear()
        self._wake()

    async def next(self, seconds: float) -> bytes:
        """Some of the frames that wait, together; nothing if none comes within this time or the stream has ended."""
        if not self._frames and not self.closed:
            self._waiter = asyncio.get_running_loop().create_future()
            timer = asyncio.get_running_loop().call_later(seconds, self._wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        chunk: list[bytes] = []
        size = 0
        while self._frames and size < _CHUNK_BYTES:
            chunk.append(self._frames.popleft())
            size += len(chunk[-1])
        self._bytes -= size
        return b"".join(chunk)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class StreamSource(Protocol):
    """The source of the frames of one stream."""

    frames: Frames

    def heartbeat(self) -> bytes:
        """The frame for a client that had nothing to read for a while."""
        ...

    def leave(self) -> None:
        """Nobody reads the stream any more."""
        ...


class NoPlace(Exception):
    """No further stream may be opened: of the caller, or in this process."""

    def __init__(self, *, of_caller: bool) -> None:
        super().__init__("too many streams are open")
        self.of_caller = of_caller


class StreamPlaces:
    """The limits of open streams, of this process and of each caller."""

    def __init__(self, most: int, most_of_caller: int) -> None:
        self.open = 0
        self._most = most
        self._most_of_caller = most_of_caller
        self._of_caller: dict[int, int] = {}

    @contextmanager
    def place(self, user_id: int) -> Iterator[None]:
        """Take a place as long as the stream is open. Raises ``NoPlace``."""
        known = self._of_caller.get(user_id, 0)
        if known >= self._most_of_caller:
            raise NoPlace(of_caller=True)
        if self.open >= self._most:
            raise NoPlace(of_caller=False)
        self.open += 1
        self._of_caller[user_id] = known + 1
        try:
            yield
        finally:
            self.open -= 1
            left = self._of_caller.pop(user_id) - 1
            if left:
                self._of_caller[user_id] = left


class EventStream(Response[str]):
    """The answer with a stream of events to ``caller``. Raises ``NoPlace``, and what ``open_source`` does.

    ``check_token`` raises ``Problem`` when the token of the request would not be accepted any more.
    """

    def __init__(
        self,
        caller: Caller,
        places: StreamPlaces,
        open_source: Callable[[], Awaitable[StreamSource]],
        *,
        check_token: Callable[[], Awaitable[object]],
        count_cut_off: Callable[[], None],
    ) -> None:
        super().__init__("", media_type=MEDIA_TYPE)
        self._caller = caller
        self._places = places
        self._open_source = open_source
        self._check_token = check_token
        self._count_cut_off = count_cut_off

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """The answer itself is what is called."""
        return _Streaming(self.answer)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until the client leaves, its token counts no more, it does not keep up, or the process stops."""
        with self._places.place(self._caller.user_id):
            source = await self._open_source()
            try:
                scope[STREAM] = True  # type: ignore[typeddict-unknown-key]
                await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
                if scope.get(ASKED_BY_HEAD) is None:
                    await self._stream(source, scope, receive, send)
                if not source.frames.overflown:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                source.leave()

    async def _stream(self, source: StreamSource, scope: Scope, receive: Receive, send: Send) -> None:
        frames = source.frames
        connection: Any = scope.get(CONNECTION)
        if connection is not None:
            connection.give_place_back()
            frames.when_overflown = connection.abort
        gone = asyncio.ensure_future(_gone(receive))
        gone.add_done_callback(lambda _: frames.close())
        try:
            await self._send_frames(source, send)
            if frames.overflown:
                self._count_cut_off()
                if connection is not None:
                    await gone  # the server notes the end of an aborted connection a little later
        finally:
            gone.cancel()

    async def _send_frames(self, source: StreamSource, send: Send) -> None:
        frames = source.frames
        checked_at = time.monotonic()
        while not frames.closed:
            if time.monotonic() - checked_at >= RECHECK_SECONDS:
                if not await self._is_accepted():
                    return
                checked_at = time.monotonic()
            left = self._caller.expires_at - time.time()
            if left <= 0:
                return
            chunk = await frames.next(min(HEARTBEAT_SECONDS, RECHECK_SECONDS, left))
            if not frames.closed:
                chunk = chunk or source.heartbeat()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _is_accepted(self) -> bool:
        try:
            await self._check_token()
        except Problem:
            return False
        return True


class _Streaming(ASGIResponse):
    def __init__(self, answer: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        super().__init__(media_type=MEDIA_TYPE)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope, receive, send)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
