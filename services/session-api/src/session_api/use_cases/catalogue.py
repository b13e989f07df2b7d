"""Stores the announced task types."""

from collections.abc import Collection, Sequence
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration, TaskTypesAnnounced
from onboarding_shared.postgres.database import after_commit
from session_api import metrics
from session_api.domain.catalogue import without_relaxation
from session_api.store.task_types import required_task_types, upsert_task_types
from session_api.use_cases.inputs import usable

_log = structlog.get_logger(__name__)


class Catalogue:
    """Applies announcements. None of them makes a required task type less strict, unless the operator released it."""

    def __init__(self, *, released: Collection[str] = ()) -> None:
        """``released`` are the names of the task types that may be announced less strict, or not at all."""
        self._released = frozenset(released)

    async def apply(self, tx: AsyncConnection, batch: Sequence[Received]) -> None:
        """Store every announced task type whose schema is usable; the last announcement of a name wins. Idempotent."""
        announced: dict[str, TaskTypeDeclaration] = {}
        for received in batch:
            if isinstance(received.message, TaskTypesAnnounced):
                announced.update({declaration.name: declaration for declaration in received.message.task_types})
        if not announced:
            return
        required = await required_task_types(tx)
        held = {name for name, kept in required.items() if kept.dropped and name not in announced} - self._released
        for name in announced.keys() & required.keys() - self._released:
            strict = without_relaxation(announced[name], required[name].declaration)
            if strict != announced[name]:
                announced[name] = strict
                held.add(name)
        await upsert_task_types(tx, usable(announced), self._released)
        if held:
            after_commit(tx, partial(_report, sorted(held)))


def _report(held: Sequence[str]) -> None:
    metrics.TASK_TYPES_HELD.inc(len(held))
    _log.error("task_types_held", task_types=held)
