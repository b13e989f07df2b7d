"""The regular expressions of JSON Schemas."""

from collections.abc import Iterator


def patterns(schema: object) -> Iterator[str]:
    """Each regular expression in a schema or in a document of schemas."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for value in schema.values():
            yield from patterns(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from patterns(value)
