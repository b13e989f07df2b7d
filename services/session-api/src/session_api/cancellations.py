"""Cancelling a run: a wish that is noted and sent to the runner, which says how the run ended."""

from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.run_states import RunEvent, next_state
from onboarding_shared.contracts.session_api import CancelTask
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import Database
from onboarding_shared.runtime.tracing import current_traceparent
from session_api.store.guards import lock_tenants
from session_api.store.runs import StoredRun, find_run, request_cancellation


class RunEnded:
    """The run has ended in another way than by cancellation."""

    def __init__(self, run: StoredRun) -> None:
        self.run = run


class Cancellations:
    """The entrance for every cancellation."""

    def __init__(self, database: Database, outbox: Outbox, *, silence_seconds: float) -> None:
        self._database = database
        self._outbox = outbox
        self._silence_seconds = silence_seconds

    async def cancel(self, tenant_id: int, run_id: int, user_id: int) -> StoredRun | RunEnded | None:
        """Ask for the end of a run; asking again changes nothing. None where this tenant has no such run."""

        async def work(connection: AsyncConnection) -> StoredRun | RunEnded | None:
            await lock_tenants(connection, [tenant_id])
            run = await find_run(connection, tenant_id, run_id, lock=True)
            if run is None or run.state in (RunState.CANCELLING, RunState.CANCELLED):
                return run
            if next_state(run.state, RunEvent.REQUEST_CANCEL) is None:
                return RunEnded(run)
            cancelling = await request_cancellation(connection, tenant_id, run_id, user_id, self._silence_seconds)
            command = CancelTask(
                tenant_id=tenant_id,
                run_id=run_id,
                requested_by=user_id,
                requested_at=cancelling.cancel_requested_at or cancelling.created_at,
            )
            await self._outbox.append(connection, [Outgoing(command, traceparent=current_traceparent())])
            return cancelling

        return await self._database.run(work)
