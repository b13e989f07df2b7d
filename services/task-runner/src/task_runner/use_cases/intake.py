"""Commands to start and to cancel runs become executions; a command that is repeated is answered."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.session_api import CancelTask, StartTask
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import after_commit
from task_runner.domain.admission import Refused, admit
from task_runner.domain.execution import Execution, describe
from task_runner.store import intake

_log = structlog.get_logger(__name__)


class CommandIntake:
    """Applies commands. A repeated StartTask is answered with the current state of the run."""

    def __init__(
        self,
        outbox: Outbox,
        declarations: Mapping[str, TaskTypeDeclaration],
        *,
        confirm_seconds: float,
        wake: Callable[[], None],
        interrupt: Callable[[frozenset[int]], None],
    ) -> None:
        """After the commit ``wake`` says that there may be work, ``interrupt`` which runs should stop."""
        self._outbox = outbox
        self._declarations = declarations
        self._confirm_seconds = confirm_seconds
        self._wake = wake
        self._interrupt = interrupt

    async def apply(self, tx: AsyncConnection, batch: Sequence[Received]) -> None:
        """Apply one batch inside its transaction. Safe to run twice."""
        starts: dict[int, intake.Arrival] = {}
        cancels: dict[int, Received] = {}
        for received in batch:
            command = received.message
            if isinstance(command, StartTask):
                decision = admit(command, self._declarations.get(command.task_type))
                starts.setdefault(command.run_id, intake.Arrival(command, received.traceparent, decision))
            elif isinstance(command, CancelTask):
                cancels.setdefault(command.run_id, received)
        news = await self._start(tx, starts) if starts else []
        if cancels:
            news += await self._cancel(tx, {run: one.tenant_id for run, one in cancels.items()})
        await self._outbox.append(tx, [Outgoing(describe(one), one.traceparent) for one in news])
        after_commit(tx, self._wake)

    async def _start(self, tx: AsyncConnection, starts: Mapping[int, intake.Arrival]) -> list[Execution]:
        new = await intake.insert(tx, starts.values(), confirm_seconds=self._confirm_seconds)
        asked = [run for run, one in starts.items() if run not in new or isinstance(one.decision, Refused)]
        if not asked:
            return []
        found = await intake.read(tx, asked)
        early = [starts[one.run_id] for one in found if one.task_type is None]
        if early:
            await intake.complete_tombstones(tx, early)
            found = await intake.read(tx, asked)
        return _of_the_asking_tenant(found, {run: one.command.tenant_id for run, one in starts.items()})

    async def _cancel(self, tx: AsyncConnection, cancels: Mapping[int, int]) -> list[Execution]:
        changed = await intake.cancel(tx, list(cancels.items()))
        stopping = frozenset(one.run_id for one in changed if one.state is RunState.CANCELLING)
        if stopping:
            after_commit(tx, partial(self._interrupt, stopping))
        unchanged = cancels.keys() - {one.run_id for one in changed}
        if unchanged:
            found = await intake.read(tx, sorted(unchanged))
            unknown = unchanged - {one.run_id for one in found}
            if unknown:
                await intake.bury(tx, [(run, cancels[run]) for run in unknown])
            changed += [one for one in _of_the_asking_tenant(found, cancels) if one.task_type is not None]
        return changed


def _of_the_asking_tenant(found: Sequence[Execution], tenants: Mapping[int, int]) -> list[Execution]:
    own = [one for one in found if one.tenant_id == tenants[one.run_id]]
    if len(own) < len(found):
        _log.error("run_of_another_tenant", runs=[one.run_id for one in found if one not in own])
    return own
