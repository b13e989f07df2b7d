"""Projects the messages of task-runner onto runs."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.task_runner import (
    RunEventMessage,
    RunFinished,
    RunProgressed,
    RunStarted,
)
from session_api.domain.consent import CONSENT_TASK, PROVING
from session_api.domain.projection import RunView, project
from session_api.store.consents import verify_consents
from session_api.store.projection import TenantRunId, lock_runs, save_runs


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
        if proven := _consents_proven(messages, open_before):
            await verify_consents(tx, proven)


def _consents_proven(
    messages: Sequence[RunEventMessage], unended_before: Mapping[TenantRunId, RunView]
) -> Sequence[TenantRunId]:
    """The runs whose result, new in this batch, proves a consent."""
    finished = {
        (message.tenant_id, message.run_id)
        for message in messages
        if isinstance(message, RunFinished) and message.task_type == CONSENT_TASK
    }
    return sorted(key for key in finished & unended_before.keys() if unended_before[key].status in PROVING)
