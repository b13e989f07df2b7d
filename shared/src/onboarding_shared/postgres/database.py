"""One service's database: pooled connections, and transactions that can neither hang nor half-happen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from onboarding_shared.postgres.faults import DatabaseUnavailable, is_passing

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_AFTER_COMMIT = "onboarding.after_commit"
_PING = text("SELECT 1")
_log = structlog.get_logger(__name__)


class Database:
    """A pool of connections and the ways to use it: ``transaction``, ``run``, and ``run_single`` for one statement."""

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        pool_size: int = 8,
        statement_seconds: float = 20.0,
        transaction_seconds: float = 30.0,
    ) -> None:
        self._transaction_seconds = transaction_seconds
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=transaction_seconds,
            pool_recycle=1800,
            connect_args={
                "timeout": 10.0,
                "command_timeout": statement_seconds + 5.0,
                "server_settings": _server_settings(application_name, statement_seconds, transaction_seconds),
            },
        )
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """BEGIN … COMMIT round the block, then what ``after_commit`` asked for.

        Raises ``DatabaseUnavailable`` for every fault that passes by itself; after one that struck during the
        COMMIT the outcome is unknown, so whatever is written here must be safe to write again.
        """
        callbacks: list[Callable[[], None]] = []
        async with self._connected(self.engine) as connection:
            connection.info[_AFTER_COMMIT] = callbacks
            async with connection.begin():
                yield connection
        for callback in dict.fromkeys(callbacks):
            callback()

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(self._transaction_seconds), engine.connect() as connection:
                yield connection
        except DatabaseUnavailable:
            raise
        except Exception as error:
            if is_passing(error):
                raise DatabaseUnavailable(f"The database did not complete the transaction: {error}") from error
            raise

    async def run(self, work: Work[T]) -> T:
        """Run a whole transaction, and once more where the first try met a passing fault.

        A restarted server leaves stale connections in the pool: the first use finds out, the second gets a
        fresh one. ``work`` must be safe to run twice.
        """
        return await _twice(self.transaction, work)

    async def run_single(self, work: Work[T]) -> T:
        """Like ``run`` for work of one statement, which is a transaction by itself: one round trip instead of three."""
        return await _twice(lambda: self._connected(self._single), work)

    async def ping(self) -> None:
        """Ask the server for a sign of life. Raises ``DatabaseUnavailable``."""

        async def ask(connection: AsyncConnection) -> None:
            await connection.execute(_PING)

        await self.run_single(ask)

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


async def _twice(connected: Callable[[], AbstractAsyncContextManager[AsyncConnection]], work: Work[T]) -> T:
    try:
        async with connected() as connection:
            return await work(connection)
    except DatabaseUnavailable as error:
        _log.warning("transaction_retried", reason=str(error))
    async with connected() as connection:
        return await work(connection)


def after_commit(connection: AsyncConnection, callback: Callable[[], None]) -> None:
    """Call ``callback`` once, after the transaction of this connection has committed."""
    callbacks = connection.info.get(_AFTER_COMMIT)
    if callbacks is not None:
        callbacks.append(callback)


def async_url(url: str) -> str:
    """A ``postgresql://`` URL with the driver that this project uses."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def _server_settings(application_name: str, statement_seconds: float, transaction_seconds: float) -> dict[str, str]:
    return {
        "application_name": application_name,
        "timezone": "UTC",
        "jit": "off",
        "statement_timeout": str(int(statement_seconds * 1000)),
        "lock_timeout": str(int(statement_seconds * 1000)),
        "idle_in_transaction_session_timeout": str(int(transaction_seconds * 1000)),
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
