"""A worker ends tasks that were cancelled or take too long."""

import asyncio

import pytest

from onboarding_shared.contracts.types import RunState
from task_runner.tasks import Result, TaskContext, TaskFault
from task_runner.worker import attempt as attempts
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, start
from tests.integration.task_runner.working import finished, run_it, summary, task_that
from tests.support.waiting import eventually


async def test_a_task_past_its_time_limit_is_timed_out(harness: RunnerHarness) -> None:
    async def sleep(context: TaskContext) -> Result:
        await asyncio.sleep(30)
        return Result.ok("TOO_LATE")

    end = await run_it(harness, task_that(sleep, time_limit=0.1))
    assert summary(end) == ("timed_out", "unknown", "TIME_LIMIT_EXCEEDED", 1)


async def test_a_cancelled_task_may_end_by_itself(harness: RunnerHarness) -> None:
    ended: list[str] = []

    async def polite(context: TaskContext) -> Result:
        await context.cancelled.wait()
        ended.append("by itself")
        raise TaskFault("STOPPED", "Stopped half way.")

    harness.new_worker(task_that(polite)).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="running")
    await harness.apply(cancel(1))
    assert summary(await finished(harness)) == ("cancelled", "unknown", "RUN_CANCELLED", 1)
    assert ended == ["by itself"]


async def test_a_cancelled_task_that_does_not_listen_is_ended(
    harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "CANCEL_GRACE_SECONDS", 0.05)

    async def deaf(context: TaskContext) -> Result:
        await asyncio.sleep(30)
        return Result.ok("TOO_LATE")

    harness.new_worker(task_that(deaf)).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="running")
    await harness.apply(cancel(1))
    assert (await finished(harness)).state is RunState.CANCELLED


async def test_a_task_that_survives_its_cancellation_is_not_waited_for(
    harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "ABANDON_SECONDS", 0.05)
    release = asyncio.Event()

    async def stubborn(context: TaskContext) -> Result:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return Result.ok("TOO_LATE")

    end = await run_it(harness, task_that(stubborn, time_limit=0.1))
    release.set()
    assert summary(end) == ("timed_out", "unknown", "TIME_LIMIT_EXCEEDED", 1)


async def test_an_answer_counts_although_a_cancellation_was_on_its_way(harness: RunnerHarness) -> None:
    async def done_anyway(context: TaskContext) -> Result:
        await context.cancelled.wait()
        return Result.ok("CHANGED")

    harness.new_worker(task_that(done_anyway)).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="running")
    await harness.apply(cancel(1))
    assert summary(await finished(harness)) == ("succeeded", "ok", "CHANGED", 1)


async def test_a_cancellation_by_another_process_arrives_with_the_heartbeat(harness: RunnerHarness) -> None:
    async def wait(context: TaskContext) -> Result:
        await context.cancelled.wait()
        raise TaskFault("STOPPED", "")

    harness.new_worker(task_that(wait), lease_seconds=3.0).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="running")
    worker, harness.worker = harness.worker, None
    await harness.apply(cancel(1))
    harness.worker = worker
    assert (await finished(harness)).state is RunState.CANCELLED
