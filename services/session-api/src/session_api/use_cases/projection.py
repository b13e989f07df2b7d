"""Projects the messages of task-runner onto runs and task types."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.task_runner import (
    RunFinished,
    RunProgressed,
    RunStarted,
    TaskTypeDeclaration,
    TaskTypesAnnounced,
)
from session_api.domain.projection import project
from session_api.store.projection import lock_runs, save_runs
from session_api.store.task_types import upsert_task_types


class Projection:
    """Applies the messages of the runs topic."""

    def __init__(self, *, silence_seconds: float) -> None:
        """``silence_seconds`` is the timeout after which the command of a run without messages is sent again."""
        self._silence_seconds = silence_seconds

    async def apply(self, tx: AsyncConnection, batch: Sequence[Received]) -> None:
        """Apply one batch in its transaction. Idempotent."""
        messages = [
            received.message
            for received in batch
            if isinstance(received.message, RunStarted | RunProgressed | RunFinished)
        ]
        before = await lock_runs(tx, sorted({(message.tenant_id, message.run_id) for message in messages}))
        after = dict(before)
        for message in messages:
            key = (message.tenant_id, message.run_id)
            if key in after:
                after[key] = project(after[key], message)
        open_before = {key: view for key, view in after.items() if before[key].state not in TERMINAL}
        await save_runs(tx, open_before, self._silence_seconds)


async def apply_task_types(tx: AsyncConnection, batch: Sequence[Received]) -> None:
    """Store the announced task types; the last announcement of a name applies."""
    declarations: dict[str, TaskTypeDeclaration] = {}
    for received in batch:
        if isinstance(received.message, TaskTypesAnnounced):
            declarations.update({declaration.name: declaration for declaration in received.message.task_types})
    if declarations:
        await upsert_task_types(tx, list(declarations.values()))
