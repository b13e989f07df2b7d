"""Applies commands: starts, cancels and resumes executions, and answers repeated commands."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.session_api import CancelTask, ResumeTask, StartTask
from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import after_commit
from task_runner.domain.admission import AdmissionRefused, InputsType, admit
from task_runner.domain.execution import Execution, RunKey, describe
from task_runner.store import intake
from task_runner.store.arrivals import Arrival
from task_runner.use_cases.first_claims import FirstClaims

_log = structlog.get_logger(__name__)


class CommandIntake:
    """Applies commands. The response to a repeated command is a message with the current state of its run."""

    def __init__(
        self,
        outbox: Outbox,
        declarations: Mapping[str, TaskTypeDeclaration],
        *,
        first_claims: FirstClaims,
        confirm_seconds: float,
        wake: Callable[[], None],
        interrupt: Callable[[frozenset[RunKey]], None],
        inputs: Mapping[str, InputsType],
    ) -> None:
        """``inputs`` are the declared structs by task type.

        After the commit, ``wake`` is called for work that is left to the next claim, and ``interrupt`` with the runs to
        stop.
        """
        self._outbox = outbox
        self._declarations = declarations
        self._inputs = inputs
        self._first_claims = first_claims
        self._confirm_seconds = confirm_seconds
        self._wake = wake
        self._interrupt = interrupt

    async def apply(self, tx: AsyncConnection, batch: Sequence[Received]) -> None:
        """Apply one batch in its transaction. Idempotent."""
        starts: dict[RunKey, Arrival] = {}
        cancels: dict[RunKey, None] = {}
        resumes: dict[RunKey, None] = {}
        for received in batch:
            command = received.message
            if isinstance(command, StartTask):
                name = command.task_type
                decision = admit(command, self._declarations.get(name), self._inputs.get(name))
                starts.setdefault(
                    (command.run_id, received.tenant_id), Arrival(command, received.traceparent, decision)
                )
            elif isinstance(command, CancelTask):
                cancels.setdefault((command.run_id, received.tenant_id))
            elif isinstance(command, ResumeTask):
                resumes.setdefault((command.run_id, received.tenant_id))
        changed = await self._start(tx, starts, cancels) if starts else []
        if cancels:
            changed += await self._cancel(tx, list(cancels))
        if resumes:
            changed += await self._resume(tx, list(resumes))
        await self._outbox.append(
            tx, [Outgoing(describe(run), run.traceparent, mac_key=run.run_key) for run in changed]
        )
        after_commit(tx, partial(_log_unattempted, [run for run in changed if run.state in TERMINAL]))
        if cancels or resumes:
            after_commit(tx, self._wake)

    async def _start(
        self, tx: AsyncConnection, starts: Mapping[RunKey, Arrival], cancels: Collection[RunKey]
    ) -> list[Execution]:
        arrivals = list(starts.values())
        stored = await self._first_claims.store(tx, arrivals, waiting=cancels, confirm_seconds=self._confirm_seconds)
        if len(stored.claims) < len(arrivals):
            after_commit(tx, self._wake)
        to_answer = [
            arrival.key
            for arrival in arrivals
            if arrival.key not in stored.keys or isinstance(arrival.decision, AdmissionRefused)
        ]
        if not to_answer:
            return []
        runs = await intake.read_again(tx, to_answer)
        tombstones = [starts[run.key] for run in runs if run.task_type is None]
        if tombstones:
            await intake.complete_tombstones(tx, tombstones)
            runs = await intake.read_again(tx, to_answer)
        return runs

    async def _cancel(self, tx: AsyncConnection, cancels: Sequence[RunKey]) -> list[Execution]:
        changed = await intake.cancel(tx, cancels)
        stopping = frozenset(run.key for run in changed if run.state is RunState.CANCELLING)
        if stopping:
            after_commit(tx, partial(self._interrupt, stopping))
        unchanged = set(cancels) - {run.key for run in changed}
        if unchanged:
            known = await intake.read_again(tx, sorted(unchanged))
            unknown = unchanged - {run.key for run in known}
            if unknown:
                await intake.add_tombstones(tx, sorted(unknown))
            changed += [run for run in known if run.task_type is not None]
        return changed

    async def _resume(self, tx: AsyncConnection, resumes: Sequence[RunKey]) -> list[Execution]:
        """Wake runs. Only a waiting run has news; of an ended one the result is published again."""
        woken = await intake.resume(tx, resumes)
        others = set(resumes) - {run.key for run in woken}
        known = await intake.read_again(tx, sorted(others)) if others else []
        unknown = others - {run.key for run in known}
        if unknown:
            _log.warning("resumed_run_unknown", runs=[run_id for run_id, _ in sorted(unknown)])
        ended = [run for run in known if run.state in TERMINAL]
        return [run for run in woken if run.state is RunState.WAITING] + [
            run for run in ended if run.task_type is not None
        ]


def _log_unattempted(ended: Sequence[Execution]) -> None:
    """Log runs that ended without an attempt: refused, or cancelled before. A repeated command tells of others, too."""
    for run in ended:
        if run.attempt == 0:
            _log.info(
                "run_ended",
                run_id=run.run_id,
                tenant_id=run.tenant_id,
                task_type=run.task_type,
                outcome=run.state.value,
                reason_code=run.reason_code,
            )
