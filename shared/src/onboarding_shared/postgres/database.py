"""Access to the database of a service: a connection pool, and transactions with time limits."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from onboarding_shared.postgres.array_parameters import install as encode_arrays_by_type
from onboarding_shared.postgres.faults import DatabaseUnavailable, is_passing

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_STATEMENT_SECONDS = 20.0
_TRANSACTION_SECONDS = 30.0
_AFTER_COMMIT = "onboarding.after_commit"
_AFTER_ROLLBACK = "onboarding.after_rollback"
_PING = text("SELECT 1")
_log = structlog.get_logger(__name__)


class Database:
    """A connection pool with ``transaction``, ``run``, and ``run_single`` for a single statement."""

    def __init__(
        self,
        url: str,
        *,
        application_name: str,
        pool_size: int = 8,
    ) -> None:
        encode_arrays_by_type()
        self.engine: AsyncEngine = create_async_engine(
            async_url(url),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_TRANSACTION_SECONDS,
            pool_recycle=1800,
            connect_args={
                "timeout": 10.0,
                "command_timeout": _STATEMENT_SECONDS + 5.0,
                "server_settings": _server_settings(application_name),
            },
        )
        self._single = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Run the block in a transaction, then call the ``after_commit`` or the ``after_rollback`` callbacks.

        Raises ``DatabaseUnavailable`` for every transient fault. After a fault during the COMMIT the outcome is
        unknown, so the block must be idempotent.
        """
        async with self._called_back(self.engine) as tx, tx.begin():
            yield tx

    @asynccontextmanager
    async def _called_back(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        """A connection for the block. The callbacks are called after it."""
        committed: list[Callable[[], None]] = []
        rolled_back: list[Callable[[], None]] = []
        try:
            async with self._connected(engine) as tx:
                callbacks = {_AFTER_COMMIT: committed, _AFTER_ROLLBACK: rolled_back}
                info = tx.info
                info.update(callbacks)
                try:
                    yield tx
                finally:  # the pool keeps the connection, and what its info holds
                    for name in callbacks:
                        info.pop(name, None)
        except BaseException:
            _call_all(rolled_back)
            raise
        _call_all(committed)

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(_TRANSACTION_SECONDS), engine.connect() as tx:
                yield tx
        except DatabaseUnavailable:
            raise
        except Exception as error:
            if is_passing(error):
                raise DatabaseUnavailable(f"The database did not complete the transaction: {error}") from error
            raise

    async def run(self, work: Work[T]) -> T:
        """Run a transaction, and once more after a transient fault.

        After a server restart the pool has stale connections: the first attempt detects them, the second uses a
        new one. ``work`` must be safe to run twice.
        """
        return await _twice(self.transaction, work)

    async def run_single(self, work: Work[T]) -> T:
        """Run a single statement in autocommit mode, one round trip instead of three; retried like ``run``.

        The callbacks of ``after_commit`` or ``after_rollback`` are called at the end, as after a transaction.
        """
        return await _twice(lambda: self._called_back(self._single), work)

    async def ping(self) -> None:
        """Check the connection to the server. Raises ``DatabaseUnavailable``."""

        async def select(tx: AsyncConnection) -> None:
            await tx.execute(_PING)

        await self.run_single(select)

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


def _call_all(callbacks: Iterable[Callable[[], None]]) -> None:
    """Call each once, in order, also after one of them has raised."""
    with contextlib.ExitStack() as stack:
        for callback in reversed(dict.fromkeys(callbacks)):
            stack.callback(callback)


async def _twice(connected: Callable[[], AbstractAsyncContextManager[AsyncConnection]], work: Work[T]) -> T:
    try:
        async with connected() as tx:
            return await work(tx)
    except DatabaseUnavailable as error:
        _log.warning("transaction_retried", reason=str(error))
    async with connected() as tx:
        return await work(tx)


def after_commit(tx: AsyncConnection, callback: Callable[[], None]) -> None:
    """Call ``callback`` once, after the transaction has committed."""
    callbacks = tx.info.get(_AFTER_COMMIT)
    if callbacks is not None:
        callbacks.append(callback)


def after_rollback(tx: AsyncConnection, callback: Callable[[], None]) -> None:
    """Call ``callback`` after the transaction has failed, also when the outcome of its COMMIT is unknown."""
    callbacks = tx.info.get(_AFTER_ROLLBACK)
    if callbacks is not None:
        callbacks.append(callback)


def async_url(url: str) -> str:
    """Add the asyncpg driver to a ``postgresql://`` URL."""
    return make_url(url).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)


def _server_settings(application_name: str) -> dict[str, str]:
    return {
        "application_name": application_name,
        "timezone": "UTC",
        "jit": "off",
        "statement_timeout": str(int(_STATEMENT_SECONDS * 1000)),
        "lock_timeout": str(int(_STATEMENT_SECONDS * 1000)),
        "idle_in_transaction_session_timeout": str(int(_TRANSACTION_SECONDS * 1000)),
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
    }
