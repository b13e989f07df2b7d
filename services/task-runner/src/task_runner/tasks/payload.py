"""Converts texts and payloads of tasks to values that JSON, Kafka and PostgreSQL accept, and redacts secrets."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from onboarding_shared.contracts.types import MAX_ID, made_visible
from onboarding_shared.telemetry.known_secrets import hide_known
from onboarding_shared.telemetry.redaction import (
    LONGEST_NAME,
    REDACTED,
    hides,
    meant_name,
    name_end_is_secret,
    plain_match,
    redact_text,
)

MAX_DEPTH = 24
LONGEST_KEPT_NAME = 40

_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


class PayloadError(ValueError):
    """A payload that cannot be stored: it cannot be converted to JSON, or its nesting is too deep."""


def safe_text(value: str, limit: int | None = None) -> str:
    """Return the text without NUL characters, lone surrogates and secrets, truncated to ``limit`` characters."""
    if plain_match(value) and (limit is None or len(value) <= limit):
        return value
    storable = value if value.isascii() and "\0" not in value else value.translate(_UNSTORABLE)
    cleaned = redact_text(hide_known(storable))
    return cleaned if limit is None or len(cleaned) <= limit else f"{cleaned[: limit - 1]}…"


def shown_text(value: str, limit: int) -> str:
    """``safe_text`` in one line without hidden characters: it repeats names that a customer's administrator chose."""
    if plain_match(value) and len(value) <= limit:
        return value
    return made_visible(safe_text(value, limit))


def json_safe(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy that consists of JSON values only.

    Structs, enums and times become their JSON representation, integers outside 64 bits strings, NaN and infinities
    null, secrets ``[redacted]``. Raise ``PayloadError`` for other types, and for more than 24 levels of nesting.
    """
    try:
        return _members(payload, 1)
    except PayloadError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"The payload cannot be converted to JSON: {error}") from error


def _members(members: Mapping[Any, Any], depth: int) -> dict[str, Any]:
    """Most values are plain texts, small numbers, booleans and null, which need no call of their own."""
    safe: dict[str, Any] = {}
    for key, value in members.items():
        name, kind = str(key), type(value)
        safe_name = _short_safe_name(name) if len(name) <= LONGEST_KEPT_NAME else safe_text(name)
        plain = (
            kind is bool
            or value is None
            or (kind is int and -MAX_ID - 1 <= value <= MAX_ID)
            or (
                kind is str
                and plain_match(value) is not None
                and name.lower() != "value"  # it is judged by the name in a sibling
                and not name_end_is_secret(name[-LONGEST_NAME:])
            )
        )
        if plain and depth <= MAX_DEPTH:
            safe[safe_name] = value
        else:
            safe[safe_name] = _value(value, depth, meant_name(members, name))
    return safe


@lru_cache(maxsize=4096)
def _short_safe_name(name: str) -> str:
    """The name of a member: few and short ones come again and again."""
    return safe_text(name)


def _value(value: Any, depth: int, name: str) -> Any:
    if hides(name, value):
        return REDACTED
    if depth > MAX_DEPTH:
        raise PayloadError(f"The payload is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, str):
        return safe_text(str(value))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -MAX_ID - 1 <= value <= MAX_ID else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return _members(value, depth + 1)
    if isinstance(value, (list, tuple)):
        return [_value(item, depth + 1, "") for item in value]
    return _value(msgspec.to_builtins(value, str_keys=True), depth + 1, name)
