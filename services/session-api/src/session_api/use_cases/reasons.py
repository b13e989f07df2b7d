"""The reason codes that answers explain: kept in memory for some seconds, because nearly every answer has one."""

import time
from collections.abc import Callable, Mapping

from onboarding_shared.contracts.reason_codes import Reason
from onboarding_shared.postgres.database import Database
from session_api.domain.reasons import with_declared
from session_api.store.task_types import list_declared_reasons

KEPT_SECONDS = 5.0


class ReasonCodes:
    """Reads the reason codes of the announced task types."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._kept: tuple[float, Mapping[str, Reason]] | None = None

    async def current(self) -> Mapping[str, Reason]:
        """Return all reason codes by code, at most 5 seconds old."""
        now = self._clock()
        if self._kept is None or now - self._kept[0] >= KEPT_SECONDS:
            self._kept = (now, with_declared(await self._database.run_single(list_declared_reasons)))
        return self._kept[1]
