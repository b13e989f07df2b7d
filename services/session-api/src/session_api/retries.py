"""Retrying a run: a new one with the inputs of an ended one, through the same guard as every start."""

from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.postgres.database import Database
from onboarding_shared.runtime.tracing import current_traceparent
from session_api.domain.starting import Start
from session_api.starts import Answer, Starts
from session_api.store.runs import StoredRun, find_run


class RunNotEnded:
    """The run goes on; there is nothing to retry yet."""

    def __init__(self, run: StoredRun) -> None:
        self.run = run


class Retries:
    """The entrance for every retry."""

    def __init__(self, database: Database, starts: Starts) -> None:
        self._database = database
        self._starts = starts

    async def retry(self, tenant_id: int, run_id: int, user_id: int) -> Answer | RunNotEnded | None:
        """Start what the run did with what it had. None where this tenant has no such run."""
        run = await self._database.run_single(lambda connection: find_run(connection, tenant_id, run_id))
        if run is None:
            return None
        if run.state not in TERMINAL:
            return RunNotEnded(run)
        return await self._starts.start(
            Start(
                tenant_id=tenant_id,
                task_type=run.task_type,
                connection_id=run.provider_connection_id,
                user_id=user_id,
                traceparent=current_traceparent(),
                retry_of_run_id=run_id,
            )
        )
