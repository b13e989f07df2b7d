"""Removes dead letters that are too old, and the oldest ones if there are too many."""

import structlog
from sqlalchemy import text

from onboarding_shared.messaging import metrics
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.loop import Loop
from onboarding_shared.process.message_settings import KafkaSettings

_EVERY_SECONDS = 60.0
_SOON_SECONDS = 0.1
_BATCH = 500

_REMOVE = text("""
WITH picked AS MATERIALIZED (
    SELECT id FROM dead_letters
    WHERE recorded_at < now() - make_interval(days => :days)
       OR id <= (SELECT id FROM dead_letters ORDER BY id DESC OFFSET :kept LIMIT 1)
    ORDER BY id LIMIT :batch FOR UPDATE SKIP LOCKED
)
DELETE FROM dead_letters d USING picked p WHERE d.id = p.id
""")

_log = structlog.get_logger(__name__)


class DeadLetterSweeper:
    """Bounds the table of dead letters by age and number. Several processes may do so at once."""

    def __init__(self, database: Database, kafka: KafkaSettings) -> None:
        self._database = database
        self._limits = {"days": kafka.dead_letter_days, "kept": kafka.dead_letters_kept, "batch": _BATCH}
        self._loop = Loop("dead-letters", self._turn, count_failure=metrics.SWEEP_FAILURES.inc, longest_backoff=60.0)

    def start(self) -> None:
        """Start removing in the background."""
        self._loop.start()

    async def stop(self) -> None:
        """Finish the current batch."""
        await self._loop.stop()

    async def sweep(self) -> int:
        """Remove one batch, oldest first; return its size. Raises ``DatabaseUnavailable``."""
        async with self._database.transaction() as tx:
            removed: int = (await tx.execute(_REMOVE, self._limits)).rowcount
        if removed:
            metrics.DEAD_LETTERS_REMOVED.inc(removed)
            _log.warning("dead_letters_removed", count=removed)
        return removed

    async def _turn(self) -> float:
        return _SOON_SECONDS if await self.sweep() == _BATCH else _EVERY_SECONDS
