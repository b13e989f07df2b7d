"""JSON values as parameters of a statement."""

from collections.abc import Mapping
from typing import Any

import msgspec


def optional_json(value: Mapping[str, Any] | None) -> str | None:
    """The text of a JSON object; None stays NULL."""
    return None if value is None else msgspec.json.encode(value).decode()
