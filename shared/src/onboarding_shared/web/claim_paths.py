"""Finds a claim of a token by the place that a setting names. Pure.

A place is a name, names joined by dots (``realm_access.roles``), a name that is a URL (``https://example.com/roles``),
or a JSON pointer (RFC 6901), which begins with a slash and reaches names with dots: ``/resource_access/my.app/roles``.
"""

from collections.abc import Mapping
from typing import Any

ClaimPath = tuple[str, ...]


def claim_path(place: str) -> ClaimPath:
    """The names on the way to a claim."""
    if place.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in place[1:].split("/"))
    return (place,) if "://" in place else tuple(place.split("."))


def claim_at(claims: Mapping[str, Any], path: ClaimPath) -> Any:
    """The value at a path; None where there is none. Only objects are entered, never lists."""
    value: Any = claims
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return value
