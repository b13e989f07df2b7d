"""Removes rows that are older than a setting allows: passes over a table by id, a batch in each transaction."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog
from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.postgres.database import Database
from onboarding_shared.process.loop import Loop

BATCH = 500
_NEXT_BATCH_SECONDS = 0.1
_NEXT_PASS_SECONDS = 3600.0

ROWS_REMOVED = Counter(
    "onboarding_old_rows_removed_total", "Rows removed because they were older than a setting allows", ["table"]
)
REMOVAL_FAILURES = Counter(
    "onboarding_old_row_removal_failures_total", "Failed batches of the removal of old rows; each is tried again"
)

_log = structlog.get_logger(__name__)


class Removal(NamedTuple):
    """The rows that a batch removed, and the id after which the next batch begins; None at the end of a pass."""

    removed: int
    next_after: int | None


RemoveBatch = Callable[[AsyncConnection, int, int], Awaitable[Removal]]
"""Looks at the rows after an id, at most so many, and removes those that are old. Others may do so at the same time."""


class OldRows:
    """A background loop over a table, an hour after each pass. Several processes may run one."""

    def __init__(self, table: str, database: Database, remove: RemoveBatch) -> None:
        self._table = table
        self._database = database
        self._remove = remove
        self._after = 0
        self._loop = Loop(f"old-{table}", self._turn, count_failure=REMOVAL_FAILURES.inc, longest_backoff=60.0)

    def start(self) -> None:
        """Start removing in the background."""
        self._loop.start()

    async def stop(self) -> None:
        """Finish the current batch."""
        await self._loop.stop()

    async def remove_batch(self) -> Removal:
        """Look at the next batch. Raises ``DatabaseUnavailable``."""
        removal = await self._database.run(lambda tx: self._remove(tx, self._after, BATCH))
        self._after = removal.next_after or 0
        if removal.removed:
            ROWS_REMOVED.labels(self._table).inc(removal.removed)
            _log.info("old_rows_removed", table=self._table, count=removal.removed)
        return removal

    async def _turn(self) -> float:
        removal = await self.remove_batch()
        return _NEXT_PASS_SECONDS if removal.next_after is None else _NEXT_BATCH_SECONDS
