"""Turns what a task hands over into a payload that JSON, Kafka and PostgreSQL all accept."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from onboarding_shared.contracts.types import MAX_ID

MAX_PAYLOAD_BYTES = 256 * 1024
MAX_DEPTH = 24

_UNSTORABLE = {0: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


class PayloadError(ValueError):
    """A task's payload cannot be kept: not JSON by nature, nested too deep, or too large."""


def safe_text(value: str, limit: int | None = None) -> str:
    """The text without NUL characters and lone surrogates, cut to ``limit`` characters."""
    cleaned = value.translate(_UNSTORABLE)
    return cleaned if limit is None or len(cleaned) <= limit else f"{cleaned[: limit - 1]}…"


def json_safe(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A copy made of JSON values only, whatever a provider sent.

    Structs, enums and times become their JSON form, integers outside 64 bits text, NaN and infinities null.
    Raises ``PayloadError`` when that is impossible, or deeper than 24 levels, or larger than 256 KiB as JSON.
    """
    try:
        safe = {safe_text(str(key)): _value(value, 1) for key, value in payload.items()}
        size = len(msgspec.json.encode(safe))
    except (TypeError, ValueError, RecursionError) as error:
        raise PayloadError(f"The payload is not JSON: {error}") from error
    if size > MAX_PAYLOAD_BYTES:
        raise PayloadError(f"The payload has {size} bytes as JSON; at most {MAX_PAYLOAD_BYTES} are kept")
    return safe


def _value(value: Any, depth: int) -> Any:
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
        return {safe_text(str(key)): _value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(item, depth + 1) for item in value]
    return _value(msgspec.to_builtins(value, str_keys=True), depth + 1)
