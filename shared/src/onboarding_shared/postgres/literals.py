"""Builds SQL text from constants."""

from collections.abc import Iterable


def sql_list(values: Iterable[str]) -> str:
    """Build a parenthesized list of string literals, for ``IN``. The values must be constants, never input."""
    return "(" + ", ".join(f"'{value}'" for value in values) + ")"
