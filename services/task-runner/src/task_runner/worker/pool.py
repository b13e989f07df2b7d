"""The pool of attempts in progress. Each is claimed, executed and settled."""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import structlog

from onboarding_shared.contracts.types import RunState
from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.process.loop import Loop
from task_runner import metrics
from task_runner.domain.execution import RunKey
from task_runner.domain.outcomes import (
    Cancelled,
    Deferred,
    Ending,
    GiveUp,
    ResumeLater,
    RetryLater,
    RunOutcome,
    TaskFailed,
    TimedOut,
    decide_outcome,
)
from task_runner.domain.reasons import RESULT_INVALID, WORKER_STOPPED
from task_runner.metrics import Measured
from task_runner.store.rows import Claim
from task_runner.store.settling import Settled, Settlement, SettlementRefused
from task_runner.tasks import Task
from task_runner.use_cases.claims import RunClaims
from task_runner.worker.attempt import Attempt, ContextFactory, Stop
from task_runner.worker.slots import ReservedSlots, Slots

Settle = Callable[[Settlement], Awaitable[Settled | SettlementRefused]]

_CONTENDED_SECONDS = 0.01
_LONGEST_SETTLE_BACKOFF = 1.0
_RELEASE_SECONDS = 10.0
"""Maximum seconds that a shutdown waits for the release of leases; unreleased leases expire."""
_RELEASED = RetryLater(
    delay=0.0, reason_code=WORKER_STOPPED, message="The worker was stopped; the run will be claimed again."
)

_log = structlog.get_logger(__name__)


class Pool:
    """Claims runs while slots are free. Its loop polls; ``wake`` ends the current wait early."""

    def __init__(
        self,
        claims: RunClaims,
        settle: Settle,
        tasks: Mapping[str, Task],
        context_for: ContextFactory,
        *,
        concurrency: int,
        lease_seconds: float,
        poll_seconds: float,
        on_begin: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        record: metrics.Record = metrics.record,
    ) -> None:
        self._claims = claims
        self._settle = settle
        self._tasks = tasks
        self._context_for = context_for
        self._lease_seconds = lease_seconds
        self._poll_seconds = poll_seconds
        self._on_begin = on_begin
        self._clock = clock
        self._record = record
        self._attempts: dict[int, tuple[Attempt, asyncio.Task[None]]] = {}
        self._slots = Slots(concurrency, lambda: len(self._attempts), clock=clock)
        self._context = contextvars.copy_context()
        self._full = False
        self.loop = Loop("claim", self._claim, count_failure=metrics.count_failures_of("claim"))

    def attempts(self) -> Collection[Attempt]:
        """The attempts in progress."""
        return [attempt for attempt, _ in self._attempts.values()]

    def interrupt(self, runs: Collection[RunKey]) -> None:
        """Stop the attempts of these cancelled runs."""
        for attempt in self.attempts():
            if attempt.claim.execution.key in runs:
                attempt.stop(Stop.CANCEL)

    async def stop(self, drain_seconds: float) -> None:
        """Stop claiming, wait ``drain_seconds`` for attempts in progress, then stop them and release their leases.

        Runs that are just being claimed with their insertion count as in progress.
        """
        await self.loop.stop()
        await self._slots.wait_until_unreserved(_RELEASE_SECONDS)
        await self._wait(drain_seconds)
        for attempt in self.attempts():
            attempt.stop(Stop.RELEASE)
        await self._wait(min(self._lease_seconds, _RELEASE_SECONDS))

    async def _wait(self, seconds: float) -> None:
        executions = [execution for _, execution in self._attempts.values()]
        if executions:
            await asyncio.wait(executions, timeout=seconds)

    def reserve(self, wanted: int) -> ReservedSlots | None:
        """Reserve up to ``wanted`` slots for runs that are claimed when inserted, if no others wait for slots."""
        return None if self._full or not self.loop.alive else self._slots.reserve(wanted, self._begin_all)

    async def _claim(self) -> float:
        reservation = self._slots.reserve(None, self._begin_all)
        self._full = reservation is None
        if reservation is None:
            return self._poll_seconds
        try:
            claimed = await self._claims.claim(reservation.count)
            reservation.begin(claimed.claims)
        finally:
            reservation.release()
        self._full = len(claimed.claims) == reservation.count
        return _CONTENDED_SECONDS if claimed.more and not self._full else self._poll_seconds

    def _begin_all(self, claims: Sequence[Claim], began: float) -> None:
        for claim in claims:
            self._begin(claim, began)
        if claims:
            self._on_begin()

    def _begin(self, claim: Claim, began: float) -> None:
        """Begin an attempt, in the context of the worker, whoever claimed the run."""
        attempt = Attempt(
            claim,
            self._tasks[claim.execution.task_type],
            clock=self._clock,
            lease_seconds=self._lease_seconds,
            claim_began=began,
        )
        execution = asyncio.create_task(
            self._execute(attempt), name=f"attempt-{claim.execution.run_id}", context=self._context.copy()
        )
        self._attempts[claim.lease_token] = (attempt, execution)
        self._record(Measured("claimed"))
        due = claim.execution.resume_at
        if due is not None:
            waited = max(0.0, (claim.claimed_at - due).total_seconds())
            self._record(Measured("waited", waited, claim.execution.task_type))

    async def _execute(self, attempt: Attempt) -> None:
        try:
            ending = await attempt.run(self._context_for)
            await self._write(attempt, ending)
        except Exception:
            _log.exception("attempt_failed", run_id=attempt.run_id)
        finally:
            self._attempts.pop(attempt.claim.lease_token, None)
            if attempt.span is not None:
                attempt.span.end("not settled")
            self._record(Measured("executed", self._clock() - attempt.began, attempt.claim.execution.task_type))
            if self._full:
                self.loop.wake()

    async def _write(self, attempt: Attempt, ending: Ending | None) -> None:
        """Settle the run, with retries until the lease expires. The database rejects later writes."""
        if attempt.stopped_by is Stop.LEASE:
            self._record(Measured("lease_lost"))
            _log.warning("lease_lost", run_id=attempt.run_id, lease_token=attempt.claim.lease_token)
            return
        backoff = 0.05
        while self._clock() < attempt.lease_ends:
            settlement = self._settlement(attempt, ending)
            try:
                answer = await self._settle(settlement)
            except DatabaseUnavailable:
                await asyncio.sleep(backoff)
                backoff = min(backoff * 2, _LONGEST_SETTLE_BACKOFF)
                continue
            except Exception as error:
                if ending == _NOT_STORABLE:
                    raise
                _log.error("result_unwritable", reason=repr(error))
                ending = _NOT_STORABLE
                continue
            if isinstance(answer, Settled):
                self._note(attempt, settlement.outcome)
                return
            if answer.state is not RunState.CANCELLING or attempt.observed is RunState.CANCELLING:
                self._record(Measured("late_write"))
                _log.warning("late_write_refused", lease_token=attempt.claim.lease_token)
                return
            attempt.observed = RunState.CANCELLING
        self._record(Measured("dropped"))
        _log.warning("result_dropped", lease_token=attempt.claim.lease_token)

    def _settlement(self, attempt: Attempt, ending: Ending | None) -> Settlement:
        claim, cancelling = attempt.claim, attempt.observed is RunState.CANCELLING
        outcome: RunOutcome
        if ending is None:
            outcome = Cancelled() if cancelling else _RELEASED
        else:
            exhausted = claim.tries >= claim.max_attempts
            backoff = None if exhausted else attempt.task.retry.delay_after(claim.tries)
            wait_left = attempt.task.declaration.wait_limit_seconds - claim.age
            outcome = decide_outcome(ending, cancelling=cancelling, backoff=backoff, wait_left=wait_left)
        return Settlement(
            run_id=attempt.run_id,
            lease_token=claim.lease_token,
            observed=attempt.observed,
            outcome=outcome,
            excused=ending is None or isinstance(ending, Deferred),
            claimed_at=claim.claimed_at,
            claimed=claim.execution,
            traceparent=None if attempt.span is None else attempt.span.traceparent,
        )

    def _note(self, attempt: Attempt, outcome: RunOutcome) -> None:
        event = str(outcome.event)
        self._record(Measured("settled", label=event))
        if attempt.span is not None:
            attempt.span.note({"onboarding.outcome": event, "onboarding.reason_code": outcome.reason_code})
            attempt.span.end(outcome.reason_code if isinstance(outcome, GiveUp | TimedOut) else None)
        attempted = {
            "task_type": attempt.claim.execution.task_type,
            "attempt": attempt.claim.execution.attempt,
            "outcome": event,
            "reason_code": outcome.reason_code,
            "ms": round((self._clock() - attempt.began) * 1000),
        }
        if not isinstance(outcome, RetryLater | ResumeLater):
            _log.info("run_ended", status=str(outcome.status), **attempted)
        else:
            _log.info("run_waits", seconds=outcome.delay, **attempted)
            asyncio.get_running_loop().call_later(outcome.delay + 0.01, self.loop.wake)


_NOT_STORABLE = TaskFailed(reason_code=RESULT_INVALID, message="The result of the task could not be stored.")
