"""Classifies database errors as transient or permanent."""

from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_TRANSIENT_CLASSES = ("08", "53", "57")
"""SQLSTATE classes: connection exception, insufficient resources, operator intervention (shutdown)."""
_TRANSIENT_CODES = ("40001", "40P01", "55P03", "25P03", "25P04", "0A000", "42P01", "42703", "42883", "42501",
                    "25006")  # fmt: skip
"""Serialization failure, deadlock, lock timeout, idle-in-transaction and transaction timeout; then the errors of a
schema that is not migrated yet: stale cached plan, undefined table, column or function, missing privilege; at last a
server that is read-only, as a standby is until it takes over."""


class DatabaseUnavailable(Exception):
    """The database did not respond or aborted the transaction; a retry may succeed."""


DATABASE_ERRORS: tuple[type[Exception], ...] = (DatabaseUnavailable, DBAPIError, OSError)
"""The exceptions that a transaction may raise because of the database, for callers that only report it."""


def is_passing(error: BaseException) -> bool:
    """True if an unchanged retry of the transaction may succeed.

    SQLSTATEs: https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    if isinstance(error, DatabaseUnavailable | OSError | TimeoutError | PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    state = sqlstate(error)
    return state is not None and (state[:2] in _TRANSIENT_CLASSES or state in _TRANSIENT_CODES)


def sqlstate(error: DBAPIError) -> str | None:
    """The five-character SQLSTATE; None if the server sent none."""
    return getattr(error.orig, "sqlstate", None)


_REFUSED_CLASSES = ("08", "28", "3D", "53", "57")
"""SQLSTATE classes of a server that lets nobody in: connection, authorization, no database, resources, shutdown."""


def unreachable(error: BaseException) -> str | None:
    """One line about a database that could not be reached; None for any other error."""
    if isinstance(error, OSError | TimeoutError | PoolTimeout):
        return str(error).partition("\n")[0] or type(error).__name__
    state = sqlstate(error) if isinstance(error, DBAPIError) else getattr(error, "sqlstate", None)
    if isinstance(state, str) and state[:2] in _REFUSED_CLASSES:
        cause = error.orig if isinstance(error, DBAPIError) else error
        return str(cause).partition("\n")[0].rpartition(">: ")[2]
    return None
