"""Forwards TCP connections and delivers everything later by the same time, in both directions, as a long line would.

``python -m tests.support.slow_relay PORT TARGET_PORT SECONDS`` listens on 127.0.0.1. What is under way has no limit, so
a delay costs no throughput of its own.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable
from typing import cast

import uvloop

HOST = "127.0.0.1"


class _End(asyncio.Protocol):
    """One end of a forwarded connection; what it receives leaves at the other end after a delay."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._under_way: deque[Callable[[asyncio.Transport], None]] = deque()
        self._transport: asyncio.Transport | None = None
        self._end_delivered = False
        self.other: _End | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # that of uvloop is no subclass

    def data_received(self, data: bytes) -> None:
        self._later(lambda transport: transport.write(data))

    def eof_received(self) -> bool:
        self._later(self._end)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._later(lambda transport: transport.close())

    def _end(self, transport: asyncio.Transport) -> None:
        self._end_delivered = True
        if self.other is not None and self._transport is not None and self.other._end_delivered:
            transport.close()
            self._transport.close()
        else:
            transport.write_eof()

    def _later(self, act: Callable[[asyncio.Transport], None]) -> None:
        # A queue keeps the order: timers of the same moment may fire in any order.
        self._under_way.append(act)
        asyncio.get_running_loop().call_later(self._seconds, self._deliver)

    def _deliver(self) -> None:
        act = self._under_way.popleft()
        transport = None if self.other is None else self.other._transport
        if transport is not None and not transport.is_closing():
            act(transport)


class _Accepted(_End):
    """The client's end, which connects to the target."""

    def __init__(self, seconds: float, target_port: int, keep: Callable[[asyncio.Task[None]], None]) -> None:
        super().__init__(seconds)
        self._target_port = target_port
        self._keep = keep

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        accepted = cast(asyncio.Transport, transport)
        accepted.pause_reading()
        self._keep(asyncio.ensure_future(self._connect(accepted)))

    async def _connect(self, transport: asyncio.Transport) -> None:
        end = _End(self._seconds)
        end.other = self
        try:
            await asyncio.get_running_loop().create_connection(lambda: end, HOST, self._target_port)
        except OSError:
            transport.close()
            return
        self.other = end
        transport.resume_reading()


async def relay(port: int, target_port: int, seconds: float) -> asyncio.Server:
    """Listen on ``port`` and forward to ``target_port``; everything arrives ``seconds`` later."""
    connecting: set[asyncio.Task[None]] = set()

    def keep(task: asyncio.Task[None]) -> None:
        connecting.add(task)
        task.add_done_callback(connecting.discard)

    return await asyncio.get_running_loop().create_server(lambda: _Accepted(seconds, target_port, keep), HOST, port)


async def _serve(port: int, target_port: int, seconds: float) -> None:
    async with await relay(port, target_port, seconds) as server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
