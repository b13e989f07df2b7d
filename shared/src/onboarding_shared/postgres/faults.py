"""Which database errors pass by themselves, and which say that the data or the statement is wrong."""

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_PASSING_CLASSES = ("08", "53", "57")
"""SQLSTATE classes: connection exception, insufficient resources, operator intervention (shutdown)."""
_PASSING_CODES = ("40001", "40P01", "55P03", "25P03", "25P04", "0A000", "42P01", "42703", "42501")
"""Serialization failure, deadlock, lock timeout, idle-in-transaction and transaction timeout; then what a schema says
that is not migrated yet, or is just being: stale cached plan, undefined table or column, missing privilege."""


class DatabaseUnavailable(Exception):
    """The database did not answer, or gave up the transaction; the same work may succeed later."""


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may succeed when it is tried again unchanged.

    SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    if isinstance(error, DatabaseUnavailable | OSError | TimeoutError | PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    state = sqlstate(error)
    return state is not None and (state[:2] in _PASSING_CLASSES or state in _PASSING_CODES)


def sqlstate(error: DBAPIError) -> str | None:
    """The five-character SQLSTATE, where the server sent one."""
    return getattr(error.orig, "sqlstate", None)
