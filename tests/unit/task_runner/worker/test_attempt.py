"""An attempt and its timers."""

import gc
import time
import weakref
from datetime import UTC, datetime
from typing import Any, cast

from onboarding_shared.contracts.types import RunState
from task_runner.domain.execution import Execution
from task_runner.store.rows import Claim
from task_runner.tasks import Result, TaskContext, task
from task_runner.worker.attempt import Attempt


@task("test.task", step=1, title="Test", scope="tenant")
async def quick(context: TaskContext) -> Result:
    """Ends at once."""
    return Result.ok("QUICK_OK")


class NoContext:
    """A context of which the task uses nothing."""

    def close(self) -> None:
        """Nothing is open."""


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def claim() -> Claim:
    execution = Execution(
        run_id=1,
        tenant_id=4,
        task_type="test.task",
        session_id=None,
        provider_connection_id=None,
        traceparent=None,
        state=RunState.RUNNING,
        attempt=1,
        started_at=NOON,
    )
    return Claim(
        execution=execution,
        lease_token=7,
        connection=None,
        time_limit=60.0,
        max_attempts=1,
        tries=1,
        age=0.0,
        since_wake=None,
        since_due=0.0,
        previously_ok=False,
        inputs=None,
        claimed_at=NOON,
    )


async def test_a_renewal_after_the_end_keeps_nothing_in_memory() -> None:
    attempt = Attempt(claim(), quick, clock=time.monotonic, lease_seconds=30.0, claim_began=time.monotonic())
    await attempt.run(lambda **_: cast("Any", NoContext()))
    attempt.renewed(time.monotonic())
    kept = weakref.ref(attempt)
    del attempt
    gc.collect()
    assert kept() is None


async def test_an_attempt_is_over_when_its_task_has_ended() -> None:
    attempt = Attempt(claim(), quick, clock=time.monotonic, lease_seconds=30.0, claim_began=time.monotonic())
    assert not attempt.is_over
    await attempt.run(lambda **_: cast("Any", NoContext()))
    assert attempt.is_over
