"""Makes asyncpg tell the arrays among the elements of an array parameter by their type.

asyncpg asks of each element whether it is an array itself, as an instance of the abstract classes ``Iterable`` and
``Sized``: two calls of Python functions for each element of each array, a tenth of the work of a run. ``install``
replaces both by the types that are arrays here. Everything else is asyncpg's: values are encoded in the
binary format, and statements stay as they are. A test compares the place in asyncpg with what is expected here.
"""

import asyncpg.protocol.protocol as asyncpg_protocol

ARRAY_TYPES = (list, tuple)
"""The types of array parameters. Anything else in their place is refused with a ``DataError``."""


def install() -> None:
    """Let every connection of this process encode arrays so. May be called repeatedly."""
    asyncpg_protocol.IterableABC = ARRAY_TYPES  # pyrefly: ignore[missing-attribute]
    asyncpg_protocol.SizedABC = ARRAY_TYPES  # pyrefly: ignore[missing-attribute]
