"""Serves an application in this process until a signal says stop."""

import asyncio
import logging
import signal
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar, cast

import structlog
import uvicorn
from litestar.types import ASGIApp

from onboarding_shared.process.service_settings import HttpSettings
from onboarding_shared.web.connections import ConnectionLimits, bounded_protocol

log = structlog.get_logger("onboarding.server")

Answer = TypeVar("Answer")


class ServeError(Exception):
    """The server could not start: the application's start-up failed or the address is taken. The log has the cause."""


class Server(uvicorn.Server):
    """uvicorn whose signals end ``serve`` instead of the process, so that what comes after it still runs.

    The first SIGTERM or SIGINT stops accepting, lets running requests end and shuts the application down. A second
    one does not wait for anything any more.
    """

    def stop(self) -> None:
        """Stop the server, as a signal asks for."""
        if self.should_exit:
            log.warning("stopping at once")
            self.force_exit = True
            self._cut_off()
        else:
            log.info("stopping", seconds=self.config.timeout_graceful_shutdown)
            self.should_exit = True

    def _cut_off(self) -> None:
        # uvicorn waits for open connections even when forced, so they are closed here.
        for task in self.server_state.tasks:
            task.cancel()
        for connection in self.server_state.connections:
            if (transport := getattr(connection, "transport", None)) is not None:
                transport.abort()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handles the signals while serving, then restores what was there."""

        loop = asyncio.get_running_loop()

        def handle(_: int, __: FrameType | None) -> None:
            loop.call_soon_threadsafe(self.stop)

        before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the application and listens. Raises ``ServeError``."""
        try:
            await super().startup(sockets)
        except SystemExit as error:
            raise ServeError("the application did not start or its address is taken") from error
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        log.info("listening", url=f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}")


async def serve(app: ASGIApp, settings: HttpSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains for at most ``drain_seconds`` and runs the lifespan's shutdown.

    Must run on the main thread. Raises ``ServeError`` when it cannot start.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    limits = ConnectionLimits(
        connections=settings.max_connections,
        per_address=settings.max_connections_per_address,
        header_seconds=settings.header_seconds,
    )
    config = uvicorn.Config(
        cast("Any", app),
        http=bounded_protocol(limits),
        host=settings.host,
        port=settings.port,
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.drain_seconds,
    )
    await Server(config).serve()


def run(main: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs a coroutine to its end on uvloop, or on asyncio's own loop where uvloop does not exist (Windows)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
