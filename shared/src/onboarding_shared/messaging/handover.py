"""The hand-over of outbox rows in memory: what was committed here is published without a read of the table.

Sequences have no gaps per tenant and topic, and their row lock lets them commit in order. So a row can go out at once
if its predecessor has; otherwise another instance has stored one in between, or this one has forgotten, and the relay
reads the table, which always has the truth.
"""

from collections.abc import Sequence
from typing import NamedTuple

from onboarding_shared.messaging.outbox_rows import OutboxRow

_MAX_ROWS = 1000
_MAX_BYTES = 16 * 1024 * 1024
_MAX_KEYS = 20_000


class Taken(NamedTuple):
    """Rows that were handed over. ``in_line``: nothing precedes any of them that is not published."""

    rows: Sequence[OutboxRow]
    in_line: bool


class Handover:
    """Rows of local commits that wait for the relay, and the last published sequence of each tenant and topic."""

    def __init__(self) -> None:
        self._waiting: list[OutboxRow] = []
        self._bytes = 0
        self._overflowed = False
        self._published: dict[tuple[int, str], int] = {}

    def put(self, rows: Sequence[OutboxRow]) -> None:
        """Keep the rows of a commit for the next ``take``. Too many are left to the table."""
        if self._overflowed:
            return
        self._waiting += rows
        self._bytes += sum([len(row.data) for row in rows])
        if len(self._waiting) > _MAX_ROWS or self._bytes > _MAX_BYTES:
            self._drop()
            self._overflowed = True

    def take(self) -> Taken:
        """The waiting rows, in order, without those that are published. Afterwards none waits.

        Each of them was committed before, so a read of the table that begins now has it.
        """
        rows, overflowed = self._waiting, self._overflowed
        self._drop()
        last: dict[tuple[int, str], int] = {}
        unpublished: list[OutboxRow] = []
        for row in rows:
            key = (row.tenant_id, row.topic)
            before = last.get(key) or self._published.get(key, 0)
            if row.sequence <= before:
                continue  # a read of the table was faster
            if row.sequence > before + 1:
                return Taken(rows, in_line=False)
            last[key] = row.sequence
            unpublished.append(row)
        return Taken(unpublished, in_line=not overflowed)

    def published(self, rows: Sequence[OutboxRow]) -> None:
        """Note that Kafka has these rows, and so all before them."""
        if len(self._published) > _MAX_KEYS:
            self._published.clear()
        self._published.update({(row.tenant_id, row.topic): row.sequence for row in rows})

    def forget(self) -> None:
        """Leave everything to the table: it is unknown what was published, or another instance publishes."""
        self._drop()
        self._published.clear()

    def _drop(self) -> None:
        self._waiting = list[OutboxRow]()
        self._bytes, self._overflowed = 0, False
