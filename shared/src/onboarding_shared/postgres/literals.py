"""SQL text that is built from constants."""

from collections.abc import Iterable


def sql_list(values: Iterable[str]) -> str:
    """A parenthesized list of string literals, for ``IN``. The values must be constants of this code, never input."""
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"
