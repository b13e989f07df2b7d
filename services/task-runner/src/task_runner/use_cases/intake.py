"""Applies commands: stores StartTask and CancelTask as executions, and responds to repeated commands."""

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
from task_runner.domain.admission import AdmissionRefused, admit
from task_runner.domain.execution import Execution, describe
from task_runner.store import intake

_log = structlog.get_logger(__name__)


class CommandIntake:
    """Applies commands. The response to a repeated command is a message with the current state of its run."""

    def __init__(
        self,
        outbox: Outbox,
        declarations: Mapping[str, TaskTypeDeclaration],
        *,
        confirm_seconds: float,
        wake: Callable[[], None],
        interrupt: Callable[[frozenset[int]], None],
    ) -> None:
        """After the commit, ``wake`` is called to claim new runs, and ``interrupt`` with the ids of runs to stop."""
        self._outbox = outbox
        self._declarations = declarations
        self._confirm_seconds = confirm_seconds
        self._wake = wake
        self._interrupt = interrupt

    async def apply(self, tx: AsyncConnection, batch: Sequence[Received]) -> None:
        """Apply one batch in its transaction. Idempotent."""
        starts: dict[int, intake.Arrival] = {}
        cancels: dict[int, Received] = {}
        for received in batch:
            command = received.message
            if isinstance(command, StartTask):
                decision = admit(command, self._declarations.get(command.task_type))
                starts.setdefault(command.run_id, intake.Arrival(command, received.traceparent, decision))
            elif isinstance(command, CancelTask):
                cancels.setdefault(command.run_id, received)
        changed = await self._start(tx, starts) if starts else []
        if cancels:
            changed += await self._cancel(tx, {run_id: received.tenant_id for run_id, received in cancels.items()})
        await self._outbox.append(tx, [Outgoing(describe(run), run.traceparent) for run in changed])
        after_commit(tx, self._wake)

    async def _start(self, tx: AsyncConnection, starts: Mapping[int, intake.Arrival]) -> list[Execution]:
        new = await intake.insert(tx, starts.values(), confirm_seconds=self._confirm_seconds)
        to_answer = [
            run_id
            for run_id, arrival in starts.items()
            if run_id not in new or isinstance(arrival.decision, AdmissionRefused)
        ]
        if not to_answer:
            return []
        runs = await intake.read(tx, to_answer)
        tombstones = [starts[run.run_id] for run in runs if run.task_type is None]
        if tombstones:
            await intake.complete_tombstones(tx, tombstones)
            runs = await intake.read(tx, to_answer)
        return _of_the_commands_tenant(runs, {run_id: arrival.command.tenant_id for run_id, arrival in starts.items()})

    async def _cancel(self, tx: AsyncConnection, cancels: Mapping[int, int]) -> list[Execution]:
        changed = await intake.cancel(tx, list(cancels.items()))
        stopping = frozenset(run.run_id for run in changed if run.state is RunState.CANCELLING)
        if stopping:
            after_commit(tx, partial(self._interrupt, stopping))
        unchanged = cancels.keys() - {run.run_id for run in changed}
        if unchanged:
            known = await intake.read(tx, sorted(unchanged))
            unknown = unchanged - {run.run_id for run in known}
            if unknown:
                await intake.add_tombstones(tx, [(run_id, cancels[run_id]) for run_id in unknown])
            changed += [run for run in _of_the_commands_tenant(known, cancels) if run.task_type is not None]
        return changed


def _of_the_commands_tenant(runs: Sequence[Execution], tenants: Mapping[int, int]) -> list[Execution]:
    own = [run for run in runs if run.tenant_id == tenants[run.run_id]]
    if len(own) < len(runs):
        _log.error("run_of_another_tenant", runs=[run.run_id for run in runs if run not in own])
    return own
