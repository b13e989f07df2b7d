"""Ends connections whose clients do not read their answers: what waits for them is bounded in time and in memory."""

import asyncio
import time
from typing import NamedTuple

import structlog
from prometheus_client import Counter

ANSWER_BYTES = "answer_bytes"
"""The key in the scope of a request under which the edge notes how large its answer is."""
MAX_UNREAD_BYTES = 64 * 1024 * 1024
"""Maximum bytes that wait for all clients of a server that do not keep up with their answers."""
_LOOK_SECONDS = 1.0
_REPORT_SECONDS = 10.0

ABORTED = Counter(
    "onboarding_http_unread_answers_total", "Connections ended because their client did not read its answer", ["reason"]
)
log = structlog.get_logger("onboarding.http")


class Waiting(NamedTuple):
    """Since when a transport has something to send, and the bytes that it keeps for that."""

    since: float
    bytes: int


class UnreadAnswers:
    """The connections of one server. Those whose transport still has something to send are looked at each second.

    The operating system takes answers as long as its own buffers have room, so most transports never have. A transport
    that has is made to report when everything is sent: its high-water mark becomes 0. If that takes ``seconds``, or all
    of them have more than ``most_bytes`` and it has waited longest, its connection is aborted.
    """

    def __init__(self, seconds: float, most_bytes: int = MAX_UNREAD_BYTES) -> None:
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._transports: set[asyncio.Transport] = set()
        self._waiting: dict[asyncio.Transport, Waiting] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._aborted = 0
        self._reported_at = -_REPORT_SECONDS

    def add(self, transport: asyncio.Transport) -> None:
        """Watch a connection."""
        self._transports.add(transport)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)

    def remove(self, transport: asyncio.Transport) -> None:
        """The connection has ended."""
        self._transports.discard(transport)
        self._waiting.pop(transport, None)

    def paused(self, transport: asyncio.Transport, answer_bytes: int) -> None:
        """The transport has more to send than its high-water mark. It keeps the answer until all of it is sent."""
        kept = max(answer_bytes, transport.get_write_buffer_size())
        self._waiting.setdefault(transport, Waiting(time.monotonic(), kept))
        transport.set_write_buffer_limits(high=0)
        self._bound_memory(transport)

    def resumed(self, transport: asyncio.Transport) -> None:
        """The transport has sent everything."""
        if self._waiting.pop(transport, None) is not None:
            transport.set_write_buffer_limits()

    def _look(self) -> None:
        now = time.monotonic()
        for transport in [*self._transports]:
            waiting = self._waiting.get(transport)
            if waiting is not None and now - waiting.since >= self._seconds:
                self._abort(transport, "time")
            elif waiting is None and transport.get_write_buffer_size():
                transport.set_write_buffer_limits(high=0)
        self._report(now)
        self._timer = asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look) if self._transports else None

    def _bound_memory(self, newest: asyncio.Transport) -> None:
        total = sum(waiting.bytes for waiting in self._waiting.values())
        for transport, waiting in [*self._waiting.items()]:
            if total <= self._most_bytes or transport is newest:
                return
            total -= waiting.bytes
            self._abort(transport, "memory")

    def _abort(self, transport: asyncio.Transport, reason: str) -> None:
        self.remove(transport)
        ABORTED.labels(reason).inc()
        self._aborted += 1
        transport.abort()

    def _report(self, now: float) -> None:
        """Log at most one line in ten seconds."""
        if self._aborted and now - self._reported_at >= _REPORT_SECONDS:
            log.warning("answers not read", count=self._aborted, open=len(self._transports))
            self._aborted, self._reported_at = 0, now
