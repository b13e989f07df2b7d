"""What a statement of the outbox changes besides its own rows, in one round trip."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Change(NamedTuple):
    """``queries`` belong into the WITH clause of the statement, each with a comma behind it; ``values`` are theirs.

    The outbox stores a message if ``condition`` is true, an SQL expression with its ``place`` among all messages, from
    1. All text is constant.
    """

    queries: str
    values: Mapping[str, Any]
    condition: str = "true"


NO_CHANGE = Change("", {})
