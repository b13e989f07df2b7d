"""One attempt of one run, limited by its time limit and its lease."""

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

import structlog

from onboarding_shared.contracts.task_runner import Progress
from onboarding_shared.contracts.types import RunState
from onboarding_shared.telemetry.tracing import Span, bind_traceparent, enter_span, start_span
from task_runner import metrics
from task_runner.domain.outcomes import Ending, Stopped, TimeLimitExceeded
from task_runner.store.rows import Claim
from task_runner.tasks import Connection, Result, Task, TaskContext
from task_runner.tasks.context import ProgressReport, RunDetails
from task_runner.worker.endings import raised, returned

CANCEL_GRACE_SECONDS = 2.0
"""Seconds between setting ``context.cancelled`` and cancelling the task."""
ABANDON_SECONDS = 5.0
"""Seconds that a cancelled task may take to stop before it is abandoned."""

_log = structlog.get_logger(__name__)


class ContextFactory(Protocol):
    """Creates the context of an attempt."""

    async def __call__(
        self,
        *,
        tenant_id: int,
        run_id: int,
        attempt: int,
        connection: Connection | None,
        deadline: float,
        report: ProgressReport,
        cancelled: asyncio.Event,
        details: RunDetails,
    ) -> TaskContext: ...


class Stop(Enum):
    """The reasons for which an attempt is stopped."""

    TIME_LIMIT = auto()
    CANCEL = auto()
    LEASE = auto()
    RELEASE = auto()


class Attempt:
    """A claimed run in progress on this worker.

    ``observed`` is the last state that this worker read, ``reported`` the last published progress, ``announced``
    whether its start was published, and ``lease_ends`` the time on the worker's clock after which it must not write a
    result.
    """

    def __init__(
        self, claim: Claim, task: Task, *, clock: Callable[[], float], lease_seconds: float, claim_began: float
    ) -> None:
        self.claim = claim
        self.task = task
        self.observed = RunState.RUNNING
        self.progress: Progress | None = None
        self.reported: Progress | None = None
        self.announced = False
        self.stopped_by: Stop | None = None
        self.span: Span | None = None
        self.began = claim_began
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._renewed_at = claim_began
        self._cancelled = asyncio.Event()
        self._inner: asyncio.Task[Result] | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lease_timer: asyncio.TimerHandle | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self.renewed(claim_began)

    @property
    def run_id(self) -> int:
        return self.claim.execution.run_id

    @property
    def is_over(self) -> bool:
        """True if the task has ended, and its result may not be written yet."""
        return self._over.done()

    @property
    def lease_ends(self) -> float:
        return self._renewed_at + self._lease_seconds

    @property
    def renewal_due(self) -> bool:
        """True if a third of the lease duration has passed."""
        return self._clock() >= self._renewed_at + self._lease_seconds / 3

    def renewed(self, began: float) -> None:
        """Restart the lease timer; ``began`` is the time at which the renewing statement began.

        A task that is over needs no timer, which would keep all that it read in memory for a lease.
        """
        self._renewed_at = began
        if self._lease_timer is not None:
            self._lease_timer.cancel()
        if not self._over.done():
            self._lease_timer = self._later(self.lease_ends - self._clock(), Stop.LEASE)

    def stop(self, reason: Stop) -> None:
        """Stop the attempt; on a cancellation, after a grace period. No effect on an attempt that has ended."""
        if reason is Stop.CANCEL:
            self.observed = RunState.CANCELLING
        if self._over.done() or (self._inner is not None and self._inner.done()):
            return
        if self.stopped_by is None or reason is Stop.LEASE:
            self.stopped_by = reason
        self._cancelled.set()
        delay = CANCEL_GRACE_SECONDS if reason is Stop.CANCEL else 0.0
        self._timers.append(asyncio.get_running_loop().call_later(delay, self._cancel_task))

    async def run(self, context_for: ContextFactory) -> Ending | None:
        """Run the attempt and return its ending; None if it must not be settled (lease expired or released)."""
        execution = self.claim.execution
        structlog.contextvars.bind_contextvars(run_id=execution.run_id, tenant_id=execution.tenant_id)
        self._begin_trace()
        _log.info("run_started", task_type=execution.task_type, attempt=execution.attempt, dry_run=execution.dry_run)
        self._inner = asyncio.create_task(self._guarded(context_for), name=f"run-{execution.run_id}")
        self._inner.add_done_callback(lambda _: self._set_over())
        self._timers.append(self._later(self.claim.time_limit, Stop.TIME_LIMIT))
        try:
            await self._over
        finally:
            for timer in (*self._timers, self._lease_timer):
                if timer is not None:
                    timer.cancel()
        return self._ending(self._inner)

    def _begin_trace(self) -> None:
        execution = self.claim.execution
        attributes = {
            "onboarding.task_type": execution.task_type,
            "onboarding.tenant_id": execution.tenant_id,
            "onboarding.run_id": execution.run_id,
            "onboarding.attempt": execution.attempt,
        }
        self.span = start_span(f"run {execution.task_type}", parent=execution.traceparent, attributes=attributes)
        if self.span is None:
            bind_traceparent(execution.traceparent)
        else:
            enter_span(self.span)

    def _later(self, delay: float, reason: Stop) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(max(0.0, delay), self.stop, reason)

    async def _guarded(self, context_for: ContextFactory) -> Result:
        execution = self.claim.execution
        context = await context_for(
            tenant_id=execution.tenant_id,
            run_id=execution.run_id,
            attempt=execution.attempt,
            connection=self.claim.connection,
            deadline=self._clock() + self.claim.time_limit,
            report=self._report,
            cancelled=self._cancelled,
            details=RunDetails(
                since_wake=self.claim.since_wake,
                since_due=self.claim.since_due,
                uncounted=execution.attempt - self.claim.tries,
                previously_ok=self.claim.previously_ok,
                inputs=self.task.inputs_of(self.claim.inputs),
                settings=self.task.configured,
                dry_run=execution.dry_run,
            ),
        )
        try:
            return await self.task(context)
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:  # SystemExit in a task must not end the process
            raise RuntimeError(f"The task raised {type(error).__name__}") from error
        finally:
            context.close()

    async def _report(self, progress: Progress) -> None:
        self.progress = progress

    def _set_over(self) -> None:
        if not self._over.done():
            self._over.set_result(None)

    def _cancel_task(self) -> None:
        if self._inner is not None and not self._inner.done():
            self._inner.cancel()
            self._timers.append(asyncio.get_running_loop().call_later(ABANDON_SECONDS, self._abandon))

    def _abandon(self) -> None:
        if self._inner is not None and not self._inner.done():
            metrics.ABANDONED.inc()
            _log.error("task_ignores_cancellation", run_id=self.run_id, task_type=self.task.name)
            _abandoned.add(self._inner)
            self._inner.add_done_callback(_abandoned.discard)
            self._set_over()

    def _ending(self, inner: asyncio.Task[Result]) -> Ending | None:
        has_result = inner.done() and not inner.cancelled() and inner.exception() is None
        match self.stopped_by:
            case Stop.LEASE:
                return None
            case Stop.TIME_LIMIT:
                return TimeLimitExceeded(limit=self.claim.time_limit)
            case Stop.RELEASE if not has_result:
                return None
            case Stop.CANCEL if not has_result:
                return Stopped()
        return returned(inner.result()) if has_result else raised(inner)


_abandoned: set[asyncio.Task[Result]] = set()
"""Tasks that continue after their cancellation. They are referenced here because asyncio keeps weak references only."""
