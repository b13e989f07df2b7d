"""ResumeTask: a waiting run runs again at once, and nothing else changes."""

import asyncio
from typing import Any

import msgspec
from sqlalchemy import Row

from onboarding_shared.contracts.session_api import ResumeTask
from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.outcomes import ResumeLater, Succeed
from task_runner.store.settling import Settlement
from task_runner.tasks import Result, TaskContext, Wait
from tests.integration.task_runner.runner_harness import NOON, RunnerHarness, cancel, start
from tests.integration.task_runner.working import finished, summary, task_that
from tests.support.waiting import eventually

APPROVAL = ResumeLater(delay=3600.0, reason_code="APPROVAL_PENDING", message="Not yet.")
OK = Succeed(status=CheckStatus.OK, reason_code="QUICK_OK", message="", payload={})


def resume(run_id: int, *, tenant_id: int = 4) -> ResumeTask:
    return ResumeTask(tenant_id=tenant_id, run_id=run_id, requested_by=7, requested_at=NOON)


async def waiting(harness: RunnerHarness) -> Row[Any]:
    """Run 1, waiting for an hour."""
    await harness.apply(start(1))
    (claim,) = await harness.claim()
    await harness.settle(
        Settlement(run_id=1, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=APPROVAL)
    )
    await harness.new_messages()
    return await harness.row(1)


async def test_a_resumed_run_is_due_at_once_and_told(harness: RunnerHarness) -> None:
    before = await waiting(harness)
    await harness.apply(resume(1))

    row = await harness.row(1)
    (told,) = await harness.new_messages()
    assert row.resume_at < before.resume_at
    assert isinstance(told, RunProgressed)
    assert (told.state, told.reason_code, told.resume_at) == (RunState.WAITING, "APPROVAL_PENDING", row.resume_at)
    (claim,) = await harness.claim()
    assert claim.since_wake is not None and 0 <= claim.since_wake < 10


async def test_a_run_that_was_never_resumed_has_no_wake(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    (claim,) = await harness.claim()
    assert (claim.since_wake, claim.previously_ok) == (None, False)


async def test_repeated_resumes_leave_one_run_that_is_due(harness: RunnerHarness) -> None:
    await waiting(harness)
    await harness.apply(resume(1), resume(1))
    first = await harness.row(1)
    await harness.apply(resume(1))

    row = await harness.row(1)
    assert (row.state, row.attempt, row.resume_at) == ("waiting", 1, first.resume_at)
    assert len(await harness.claim()) == 1
    assert await harness.claim() == ()


async def test_another_tenants_resume_changes_nothing_and_learns_nothing(harness: RunnerHarness) -> None:
    before = await waiting(harness)
    await harness.apply(resume(1, tenant_id=5))

    row = await harness.row(1)
    assert (row.resume_at, row.woken_at) == (before.resume_at, None)
    assert await harness.new_messages() == []
    assert await harness.claim() == ()


async def test_resuming_an_ended_run_publishes_its_result_again(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    (claim,) = await harness.claim()
    await harness.settle(Settlement(run_id=1, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=OK))
    first = (await harness.new_messages())[-1]
    await harness.apply(resume(1))

    assert await harness.new_messages() == [first]
    assert isinstance(first, RunFinished)


async def test_resuming_an_unknown_run_leaves_nothing(harness: RunnerHarness) -> None:
    await harness.apply(resume(1))

    assert await harness.sql("SELECT run_id FROM executions") == []
    assert await harness.new_messages() == []


async def test_resuming_the_tombstone_of_a_cancelled_run_tells_nothing(harness: RunnerHarness) -> None:
    await harness.apply(cancel(1))
    await harness.apply(resume(1))

    assert await harness.state(1) == "cancelled"
    assert await harness.new_messages() == []


async def test_resuming_a_cancelling_run_does_not_wake_it(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.claim()
    await harness.apply(cancel(1))
    await harness.new_messages()
    await harness.apply(resume(1))

    assert (await harness.state(1), (await harness.row(1)).woken_at) == ("cancelling", None)
    assert await harness.new_messages() == []


async def test_a_run_started_and_resumed_together_knows_its_wake(harness: RunnerHarness) -> None:
    await harness.apply(start(1), resume(1))
    assert await harness.new_messages() == []
    (claim,) = await harness.claim()
    assert claim.since_wake is not None


async def test_the_command_says_whether_the_task_was_ok_before(harness: RunnerHarness) -> None:
    await harness.apply(msgspec.structs.replace(start(1), previously_ok=True))
    (claim,) = await harness.claim()
    assert claim.previously_ok is True


async def test_a_worker_runs_a_resumed_run_again_at_once(harness: RunnerHarness) -> None:
    seen: list[float | None] = []

    async def second_time(context: TaskContext) -> Result:
        seen.append(context.details.since_wake)
        if context.attempt == 1:
            raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=3600)
        return Result.ok("FINE")

    harness.new_worker(task_that(second_time), poll_seconds=30.0).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="waiting")
    await harness.apply(resume(1))

    assert summary(await finished(harness)) == ("succeeded", "ok", "FINE", 2)
    assert seen[0] is None
    assert seen[1] is not None and seen[1] < 10


async def test_a_run_resumed_while_it_runs_does_not_wait(harness: RunnerHarness) -> None:
    running, resumed = asyncio.Event(), asyncio.Event()

    async def second_time(context: TaskContext) -> Result:
        if context.attempt == 1:
            running.set()
            await resumed.wait()
            raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=3600)
        return Result.ok("FINE")

    harness.new_worker(task_that(second_time)).start()
    await harness.apply(start(1, "test.task"))
    await running.wait()
    await harness.apply(resume(1))
    resumed.set()

    assert summary(await finished(harness)) == ("succeeded", "ok", "FINE", 2)


async def test_a_run_that_waits_again_after_its_wake_waits(harness: RunnerHarness) -> None:
    async def never(context: TaskContext) -> Result:
        raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=3600)

    harness.new_worker(task_that(never)).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="waiting")
    await harness.apply(resume(1))

    async def attempts() -> tuple[str, int]:
        row = await harness.row(1)
        return row.state, row.attempt

    await eventually(attempts, equals=("waiting", 2))
    (left,) = await harness.sql("SELECT extract(epoch FROM resume_at - now()) AS seconds FROM executions")
    assert left.seconds > 3500
