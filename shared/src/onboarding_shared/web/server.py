"""Serves an application in this process until a signal says stop."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar, cast

import structlog
import uvicorn

from onboarding_shared.process.service_settings import HttpSettings
from onboarding_shared.web.connections import ConnectionLimits, bounded_protocol

if TYPE_CHECKING:
    from onboarding_shared.web.app import HttpApplication, OperatorPages

OPERATOR_CONNECTIONS = 100
OPERATOR_CONNECTIONS_PER_ADDRESS = 50
"""The limits of the port for health and metrics, where a few probes and scrapers connect."""
_CLOSE_SECONDS = 1
"""Seconds that the answers of that port may take when the process ends."""

log = structlog.get_logger("onboarding.server")

Answer = TypeVar("Answer")


class ServeError(Exception):
    """The server could not start: the application's start-up failed or the address is taken. The log has the cause."""


class OperatorServer(uvicorn.Server):
    """Serves health and metrics on a port of their own, from the start of the other server until it has drained."""

    def __init__(self, config: uvicorn.Config, pages: "OperatorPages") -> None:
        super().__init__(config)
        self._ready = pages.ready
        self._ticking: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen. Raises ``ServeError``."""
        self.config.load()
        self.lifespan = self.config.lifespan_class(self.config)
        try:
            await self.startup()
        except SystemExit as error:
            raise ServeError("the address of ONBOARDING_HEALTH_PORT is taken") from error
        self._ticking = asyncio.create_task(self.main_loop(), name="operator-server")
        log.info("listening for health and metrics", url=_address(self))

    def stop(self) -> None:
        """Go on, but report that the process is not ready any more."""
        self._ready.stop()

    async def close(self) -> None:
        """Stop listening and end the connections."""
        self.should_exit = True
        if self._ticking is not None:
            await self._ticking
            await self.shutdown()


class Server(uvicorn.Server):
    """uvicorn whose signals end ``serve`` instead of the process, so that what comes after it still runs.

    The first SIGTERM or SIGINT stops accepting, lets running requests end and shuts the application down. A second
    one does not wait for anything any more.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        operators: OperatorServer | None = None,
        *,
        before_drain: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(config)
        self._operators = operators
        self._before_drain = before_drain

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
        log.info("listening", url=_address(self))
        if self._operators is not None:
            try:
                await self._operators.open()
            except ServeError:
                await super().shutdown(sockets)
                raise

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains and shuts the application down. Health and metrics answer until that is done."""
        if self._operators is not None:
            self._operators.stop()
        if self._before_drain is not None:
            self._before_drain()
        await super().shutdown(sockets)
        if self._operators is not None:
            await self._operators.close()


def _address(server: uvicorn.Server) -> str:
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(app: "HttpApplication", settings: HttpSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains for at most ``drain_seconds`` and runs the lifespan's shutdown.

    Must run on the main thread. Raises ``ServeError`` when it cannot start.
    """
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    await make_server(app, settings).serve()


def make_server(app: "HttpApplication", settings: HttpSettings) -> Server:
    """The server of an application, with the limits of the settings, not started."""
    limits = ConnectionLimits(
        connections=settings.max_connections,
        per_address=settings.max_connections_per_address,
        header_seconds=settings.header_seconds,
        write_seconds=settings.write_seconds,
    )
    config = _config(
        app, settings, settings.port, limits, lifespan="on", timeout_graceful_shutdown=settings.drain_seconds
    )
    return Server(config, _operator_server(app, settings), before_drain=app.before_drain)


def _operator_server(app: "HttpApplication", settings: HttpSettings) -> OperatorServer | None:
    pages = app.operator_pages
    if pages is None or settings.health_port is None:
        return None
    limits = ConnectionLimits(
        connections=OPERATOR_CONNECTIONS,
        per_address=OPERATOR_CONNECTIONS_PER_ADDRESS,
        header_seconds=settings.header_seconds,
        write_seconds=settings.write_seconds,
    )
    config = _config(
        pages.app, settings, settings.health_port, limits, lifespan="off", timeout_graceful_shutdown=_CLOSE_SECONDS
    )
    return OperatorServer(config, pages)


def _config(
    app: "HttpApplication", settings: HttpSettings, port: int, limits: ConnectionLimits, **more: Any
) -> uvicorn.Config:
    return uvicorn.Config(
        cast("Any", app),
        http=bounded_protocol(limits),
        host=settings.host,
        port=port,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive_seconds,
        **more,
    )


def run(main: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs a coroutine to its end on uvloop, or on asyncio's own loop where uvloop does not exist (Windows)."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
