"""What session-api hears: how runs go, and which task types there are."""

from collections.abc import Mapping, Sequence

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
from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_TYPES, Topic
from onboarding_shared.messaging.inbox import Apply
from session_api.domain.projection import project
from session_api.store.projection import lock_runs, save_runs
from session_api.store.task_types import upsert_task_types

GROUP = "onboarding.session-api"


def applies(*, silence_seconds: float) -> Mapping[Topic, Apply]:
    """What to do with the messages of each topic that this service reads."""

    async def project_runs(connection: AsyncConnection, received: Sequence[Received]) -> None:
        heard = [one.message for one in received if isinstance(one.message, RunStarted | RunProgressed | RunFinished)]
        before = await lock_runs(connection, sorted({(one.tenant_id, one.run_id) for one in heard}))
        after = dict(before)
        for one in heard:
            key = (one.tenant_id, one.run_id)
            if key in after:
                after[key] = project(after[key], one)
        open_before = {key: view for key, view in after.items() if before[key].state not in TERMINAL}
        await save_runs(connection, open_before, silence_seconds)

    return {OPERATION_RUNS: project_runs, TASK_TYPES: remember_task_types}


async def remember_task_types(connection: AsyncConnection, received: Sequence[Received]) -> None:
    """Put every announced task type into the catalogue; the last announcement of a name wins."""
    declarations: dict[str, TaskTypeDeclaration] = {}
    for one in received:
        if isinstance(one.message, TaskTypesAnnounced):
            declarations.update({declaration.name: declaration for declaration in one.message.task_types})
    if declarations:
        await upsert_task_types(connection, list(declarations.values()))
