"""The outbox as its relay sees it: what to publish next, and what is published and still to be deleted."""

import time
from collections.abc import Callable, Sequence

from onboarding_shared.messaging.handover import Handover
from onboarding_shared.messaging.outbox_rows import OutboxRow, OutboxRows

BATCH_ROWS = 1000
DELETE_SECONDS = 0.5
"""Published rows are deleted so much later, many in one statement. A crash in between only repeats messages."""
_DELETE_ROWS = 1000
_FIRST_POLL_SECONDS = 0.05
_IDLE_POLL_SECONDS = 1.0
_SHARED_POLL_SECONDS = 0.5
"""Maximum interval between polls where other instances store messages, which wait for them."""
_BUSY_SECONDS = 5.0
"""After rows of another instance each turn reads the table for so long."""
_SHARED_SECONDS = 600.0


class Unpublished:
    """Takes rows from memory where it can, from the table when a poll is due or memory cannot tell what comes first."""

    def __init__(self, rows: OutboxRows, clock: Callable[[], float] = time.monotonic) -> None:
        self._rows = rows
        self._clock = clock
        self._handover = Handover()
        self._to_delete: list[int] = []
        self._unexplained: set[int] = set()
        self._delete_at = self._read_at = clock()
        self._foreign_at = self._read_at - _SHARED_SECONDS
        self._poll_seconds = _FIRST_POLL_SECONDS

    def put(self, rows: Sequence[OutboxRow]) -> None:
        """Take the rows of a commit of this process."""
        if self._unexplained:
            self._unexplained.difference_update(row.id for row in rows)
        self._handover.put(rows)

    async def next(self) -> Sequence[OutboxRow]:
        """The rows to be published next, in order per tenant and topic."""
        taken, now = self._handover.take(), self._clock()
        if taken.in_line and now < self._read_at and now >= self._foreign_at + _BUSY_SECONDS:
            return taken.rows
        return await self._read({row.id for row in taken.rows})

    async def _read(self, handed_over: set[int]) -> Sequence[OutboxRow]:
        rows = await self._rows.read(BATCH_ROWS, without=self._to_delete)
        self._unexplained = {row.id for row in rows} - handed_over
        now = self._clock()
        longest = _SHARED_POLL_SECONDS if now < self._foreign_at + _SHARED_SECONDS else _IDLE_POLL_SECONDS
        self._poll_seconds = min(self._poll_seconds * 2, longest)
        self._read_at = now if len(rows) >= BATCH_ROWS else now + self._poll_seconds
        return rows

    def published(self, rows: Sequence[OutboxRow]) -> None:
        """Note that Kafka has these rows. What was read, and not handed over by now, another instance has stored."""
        now = self._clock()
        if self._unexplained:
            self._unexplained.clear()
            self._foreign_at = self._read_at = now
            self._poll_seconds = _FIRST_POLL_SECONDS
        if not self._to_delete:
            self._delete_at = now + DELETE_SECONDS
        self._handover.published(rows)
        self._to_delete += [row.id for row in rows]

    @property
    def delete_is_due(self) -> bool:
        """True when published rows are to be deleted."""
        return len(self._to_delete) >= _DELETE_ROWS or (bool(self._to_delete) and self._clock() >= self._delete_at)

    async def delete_all(self, token: int | None) -> bool:
        """Delete all published rows now; False if the lease is lost."""
        ids, self._to_delete = self._to_delete, list[int]()
        return not ids or await self._rows.delete(ids, token)

    def read_next(self) -> None:
        """Let the next call of ``next`` read the table."""
        self._read_at = self._clock()

    def start_again(self) -> None:
        """After a fault or a change of the lease trust the table alone: what it still has is published once more."""
        self._handover.forget()
        self.read_next()
        self._to_delete = []

    @property
    def rest(self) -> float:
        """Seconds until something is to be read or deleted."""
        due = min(self._read_at, self._delete_at) if self._to_delete else self._read_at
        return max(0.0, due - self._clock())
