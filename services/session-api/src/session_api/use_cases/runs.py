"""Cancellations, resumptions and retries of runs."""

from collections.abc import Callable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import TERMINAL, RunEvent, next_state
from onboarding_shared.contracts.session_api import CancelTask, ResumeTask
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from session_api.domain.idempotency import KeptAnswer
from session_api.domain.starting import Start
from session_api.store.runs import RunName, StoredRun, bring_forward, find_run, find_runs, request_cancellations
from session_api.store.starts import lock_tenants
from session_api.use_cases.idempotency import Once
from session_api.use_cases.starts import StartAnswer, Starts


class RunEnded:
    """The run has ended and was not cancelled, so it cannot be cancelled."""

    def __init__(self, run: StoredRun) -> None:
        self.run = run


CancelAnswer = StoredRun | RunEnded | None
"""None where the tenant has no such run."""


class Cancellations:
    """Cancels runs: stores the request and publishes CancelTask. The runner publishes the end of the run."""

    def __init__(self, database: Database, outbox: Outbox, *, silence_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._silence_seconds = silence_seconds

    async def cancel(self, tenant_id: int, run_id: int, user_id: int) -> CancelAnswer:
        """Request the cancellation of a run; idempotent. Return None if the tenant has no run with this id."""
        [answer] = await self.cancel_all([(tenant_id, run_id)], user_id)
        return answer

    async def cancel_all(self, chosen: Sequence[RunName], user_id: int) -> list[CancelAnswer]:
        """Request the cancellation of these runs in one transaction; return one answer for each."""

        async def work(tx: AsyncConnection) -> list[CancelAnswer]:
            # Only what is there is locked: a guard row would make a customer of any tenant id.
            known = await find_runs(tx, chosen)
            if not known:
                return [None] * len(chosen)
            await lock_tenants(tx, [tenant_id for tenant_id, _ in known])
            runs = await find_runs(tx, list(known), lock=True)
            if active := [name for name, run in runs.items() if _can_be_cancelled(run)]:
                cancelling = await request_cancellations(tx, active, user_id, self._silence_seconds)
                await self._outbox.append(tx, [_cancel_command(run, user_id) for run in cancelling])
                runs |= {(run.tenant_id, run.id): run for run in cancelling}
            return [_cancelled(runs.get(name)) for name in chosen]

        return await self._database.run(work)


def _can_be_cancelled(run: StoredRun) -> bool:
    return run.state is not RunState.CANCELLING and next_state(run.state, RunEvent.REQUEST_CANCEL) is not None


def _cancelled(run: StoredRun | None) -> CancelAnswer:
    if run is None or run.state in (RunState.CANCELLING, RunState.CANCELLED):
        return run
    return RunEnded(run)


def _cancel_command(run: StoredRun, user_id: int) -> Outgoing:
    command = CancelTask(
        tenant_id=run.tenant_id,
        run_id=run.id,
        requested_by=user_id,
        requested_at=run.cancel_requested_at or run.created_at,
    )
    return Outgoing(command, traceparent=current_traceparent())


class RunNotWaiting:
    """The run does not wait, so it cannot be resumed."""

    def __init__(self, run: StoredRun) -> None:
        self.run = run


class Resumptions:
    """Resumes waiting runs: stores that they are due and publishes ResumeTask; the runner runs them again at once."""

    def __init__(self, database: Database, outbox: Outbox, *, silence_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._silence_seconds = silence_seconds

    async def resume(self, tenant_id: int, run_id: int, user_id: int) -> StoredRun | RunNotWaiting | None:
        """Resume a waiting run; safe to repeat. None where this tenant has no such run."""

        async def work(tx: AsyncConnection) -> StoredRun | RunNotWaiting | None:
            await lock_tenants(tx, [tenant_id])
            run = await find_run(tx, tenant_id, run_id, lock=True)
            if run is None:
                return None
            if run.state is not RunState.WAITING:
                return RunNotWaiting(run)
            resumed = await bring_forward(tx, tenant_id, run_id, self._silence_seconds)
            command = ResumeTask(
                tenant_id=tenant_id,
                run_id=run_id,
                requested_by=user_id,
                requested_at=resumed.resume_at or resumed.created_at,
            )
            await self._outbox.append(tx, [Outgoing(command, traceparent=current_traceparent())])
            return resumed

        return await self._database.run(work)


class RunNotEnded:
    """The run is still active, so it cannot be retried."""

    def __init__(self, run: StoredRun) -> None:
        self.run = run


RetryAnswer = StartAnswer | RunNotEnded | None
"""None where the tenant has no such run."""


class Retries:
    """Starts ended runs again, on the same connections and with the same inputs."""

    def __init__(self, database: Database, starts: Starts) -> None:
        self._database = database
        self._starts = starts

    async def retry_all(
        self, chosen: Sequence[RunName], user_id: int, once: Once[Sequence[RetryAnswer]] | None
    ) -> Sequence[RetryAnswer]:
        """Start the tasks of these runs again, in one transaction; return one answer for each."""
        runs = await self._database.run_single(lambda tx: find_runs(tx, chosen))
        wanted = [_retry(runs.get(name), user_id) for name in chosen]

        def merged(answers: Sequence[StartAnswer]) -> Sequence[RetryAnswer]:
            remaining = iter(answers)
            return [next(remaining) if isinstance(start, Start) else start for start in wanted]

        if not (starts := [start for start in wanted if isinstance(start, Start)]):
            return merged([])
        return merged(await self._starts.start_all(starts, None if once is None else _of_starts(once, merged)))


def _of_starts(
    once: Once[Sequence[RetryAnswer]], merged: Callable[[Sequence[StartAnswer]], Sequence[RetryAnswer]]
) -> Once[Sequence[StartAnswer]]:
    def answer(started: Sequence[StartAnswer]) -> KeptAnswer | None:
        return once.answer(merged(started))

    return Once(once.request, answer)


def _retry(run: StoredRun | None, user_id: int) -> Start | RunNotEnded | None:
    if run is None:
        return None
    if run.state not in TERMINAL:
        return RunNotEnded(run)
    return Start(
        tenant_id=run.tenant_id,
        task_type=run.task_type,
        connection_id=run.provider_connection_id,
        user_id=user_id,
        traceparent=current_traceparent(),
        retry_of_run_id=run.id,
        inputs=run.inputs,
        dry_run=run.dry_run,
    )
