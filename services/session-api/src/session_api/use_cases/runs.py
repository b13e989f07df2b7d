"""Cancellations, resumptions and retries of runs."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import TERMINAL, RunEvent, next_state
from onboarding_shared.contracts.session_api import CancelTask, ResumeTask
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.telemetry.tracing import current_traceparent
from session_api.domain.starting import Start
from session_api.store.runs import StoredRun, bring_forward, find_run, request_cancellation
from session_api.store.starts import lock_tenants
from session_api.use_cases.idempotency import Once
from session_api.use_cases.starts import StartAnswer, Starts


class RunEnded:
    """The run has ended and was not cancelled, so it cannot be cancelled."""

    def __init__(self, run: StoredRun) -> None:
        self.run = run


class Cancellations:
    """Cancels runs: stores the request and publishes CancelTask. The runner publishes the end of the run."""

    def __init__(self, database: Database, outbox: Outbox, *, silence_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._silence_seconds = silence_seconds

    async def cancel(self, tenant_id: int, run_id: int, user_id: int) -> StoredRun | RunEnded | None:
        """Request the cancellation of a run; idempotent. Return None if the tenant has no run with this id."""

        async def work(tx: AsyncConnection) -> StoredRun | RunEnded | None:
            await lock_tenants(tx, [tenant_id])
            run = await find_run(tx, tenant_id, run_id, lock=True)
            if run is None or run.state in (RunState.CANCELLING, RunState.CANCELLED):
                return run
            if next_state(run.state, RunEvent.REQUEST_CANCEL) is None:
                return RunEnded(run)
            cancelling = await request_cancellation(tx, tenant_id, run_id, user_id, self._silence_seconds)
            command = CancelTask(
                tenant_id=tenant_id,
                run_id=run_id,
                requested_by=user_id,
                requested_at=cancelling.cancel_requested_at or cancelling.created_at,
            )
            await self._outbox.append(tx, [Outgoing(command, traceparent=current_traceparent())])
            return cancelling

        return await self._database.run(work)


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


class Retries:
    """Starts ended runs again."""

    def __init__(self, database: Database, starts: Starts) -> None:
        self._database = database
        self._starts = starts

    async def retry(
        self, tenant_id: int, run_id: int, user_id: int, once: Once[Sequence[StartAnswer]] | None
    ) -> Sequence[StartAnswer] | RunNotEnded | None:
        """Start the task of an ended run again, on the same connection and with the same inputs: one answer.

        None where this tenant has no such run.
        """
        run = await self._database.run_single(lambda tx: find_run(tx, tenant_id, run_id))
        if run is None:
            return None
        if run.state not in TERMINAL:
            return RunNotEnded(run)
        start = Start(
            tenant_id=tenant_id,
            task_type=run.task_type,
            connection_id=run.provider_connection_id,
            user_id=user_id,
            traceparent=current_traceparent(),
            retry_of_run_id=run_id,
            inputs=run.inputs,
            dry_run=run.dry_run,
        )
        return await self._starts.start_all([start], once)
