"""Publishes the patterns of the API description in the syntax that the regular expressions of all languages share."""

from collections.abc import Iterable
from dataclasses import is_dataclass

from litestar.openapi.spec import OpenAPI, Schema

from onboarding_shared.contracts.portable_patterns import portable


def publish_portable_patterns(document: OpenAPI) -> None:
    """Replace each pattern by its published form."""
    for schema in _schemas(document):
        if schema.pattern is not None:
            schema.pattern = portable(schema.pattern)


def _schemas(part: object) -> Iterable[Schema]:
    if isinstance(part, Schema):
        yield part
    if is_dataclass(part) and not isinstance(part, type):
        yield from _schemas(vars(part))
    elif isinstance(part, dict):
        for child in part.values():
            yield from _schemas(child)
    elif isinstance(part, (list, tuple)):
        for child in part:
            yield from _schemas(child)
