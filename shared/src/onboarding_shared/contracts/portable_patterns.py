r"""Patterns of published schemas, in the syntax that the regular expressions of all languages have in common.

Our patterns end with ``\Z``, because ``$`` in Python also matches before a newline at the end. JavaScript has no
``\Z``, and Go and Rust call it ``\z``. There ``$`` matches at the very end only, as JSON Schema means it (ECMA-262).
"""

from typing import Any

_END = r"\Z"


def portable(pattern: str) -> str:
    """The pattern as it is published."""
    return f"{pattern.removesuffix(_END)}$" if pattern.endswith(_END) else pattern


def with_portable_patterns(schema: Any) -> Any:
    """A copy of a JSON Schema with the patterns as they are published."""
    if isinstance(schema, dict):
        return {name: _portable_value(name, value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [with_portable_patterns(part) for part in schema]
    return schema


def _portable_value(name: str, value: Any) -> Any:
    if name == "pattern" and isinstance(value, str):
        return portable(value)
    return with_portable_patterns(value)
