"""The worker runs tasks to their end, whatever they do."""

import asyncio
import time

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import RunProgressed, TaskTypesAnnounced
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.tasks import Result, Retry, TaskContext, TaskFault, Wait
from task_runner.tasks.result import AttemptDeferred
from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.integration.task_runner.working import finished, run_it, summary, task_that
from tests.support.waiting import eventually


async def test_a_task_runs_and_its_result_is_published(harness: RunnerHarness) -> None:
    harness.new_worker().start()
    await harness.apply(start(1))
    end = await finished(harness)
    assert summary(end) == ("succeeded", "ok", "QUICK_OK", 1)
    assert end.payload["tenant"] == 4
    assert end.payload["provenance"]["checker"] == "check.quick"


async def test_start_and_end_of_a_run_are_in_the_log(harness: RunnerHarness) -> None:
    with capture_logs([merge_contextvars]) as logs:
        harness.new_worker().start()
        await harness.apply(start(1))
        await finished(harness)
    began, ended = (
        next(line for line in logs if line["event"] == event and line["log_level"] == "info")
        for event in ("run_started", "run_ended")
    )
    assert (began["run_id"], began["tenant_id"], began["task_type"]) == (1, 4, "check.quick")
    assert (ended["run_id"], ended["tenant_id"], ended["task_type"]) == (1, 4, "check.quick")
    assert (ended["outcome"], ended["status"], ended["reason_code"]) == ("succeed", "ok", "QUICK_OK")
    assert ended["ms"] >= 0


async def test_a_worker_announces_what_it_can_run(harness: RunnerHarness) -> None:
    harness.new_worker().start()
    messages: list[Message] = []

    async def look() -> bool:
        messages.extend(await harness.new_messages())
        return bool(messages)

    await eventually(look)
    (announced,) = messages
    assert isinstance(announced, TaskTypesAnnounced)
    assert announced.tenant_id == 0
    assert {task_type.name for task_type in announced.task_types} == set(harness.tasks)


async def test_what_was_taken_in_elsewhere_is_found_by_polling(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    harness.new_worker().start()
    assert (await finished(harness)).state is RunState.SUCCEEDED


async def test_a_task_that_raises_ends_as_crashed_without_its_text(harness: RunnerHarness) -> None:
    async def crash(context: TaskContext) -> Result:
        raise ValueError("the secret is 1234")

    end = await run_it(harness, task_that(crash))
    assert summary(end) == ("failed", "unknown", "TASK_CRASHED", 1)
    assert end.message == "The task raised ValueError; see the log of task-runner for details."


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, MemoryError])
async def test_not_even_an_exit_ends_the_worker(harness: RunnerHarness, kind: type[BaseException]) -> None:
    async def leave(context: TaskContext) -> Result:
        raise kind

    end = await run_it(harness, task_that(leave))
    assert summary(end) == ("failed", "unknown", "TASK_CRASHED", 1)
    await harness.apply(start(2))
    assert (await finished(harness, 2)).state is RunState.SUCCEEDED


async def test_a_result_that_breaks_the_contract_ends_as_invalid(harness: RunnerHarness) -> None:
    async def wrong(context: TaskContext) -> Result:
        return Result(status=CheckStatus.OK, reason_code="not a code", message="", payload={})

    assert summary(await run_it(harness, task_that(wrong))) == ("failed", "unknown", "RESULT_INVALID", 1)


async def test_a_passing_fault_is_tried_again_after_its_wait(harness: RunnerHarness) -> None:
    async def second_time(context: TaskContext) -> Result:
        if context.attempt == 1:
            raise TaskFault("GRAPH_THROTTLED", "Slow down.", retryable=True)
        return Result.ok("FINE")

    end = await run_it(harness, task_that(second_time, retry=Retry(attempts=2, first_delay=0.05)))
    assert summary(end) == ("succeeded", "ok", "FINE", 2)


async def test_a_fault_that_stays_ends_the_run_with_its_reason(harness: RunnerHarness) -> None:
    async def never(context: TaskContext) -> Result:
        raise TaskFault("GRAPH_UNAVAILABLE", "Nobody there.", retryable=True)

    end = await run_it(harness, task_that(never, retry=Retry(attempts=3, first_delay=0.02)))
    assert summary(end) == ("failed", "unknown", "GRAPH_UNAVAILABLE", 3)


async def test_a_provider_that_names_a_time_is_waited_for(harness: RunnerHarness) -> None:
    async def throttled(context: TaskContext) -> Result:
        raise TaskFault("GRAPH_THROTTLED", "Slow down.", retryable=True, retry_after=120)

    harness.new_worker(task_that(throttled)).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="waiting")
    (row,) = await harness.sql("SELECT extract(epoch FROM resume_at - now()) AS seconds FROM executions")
    assert 110 < row.seconds <= 120


async def test_a_deferred_attempt_frees_its_slot_and_counts_for_nothing(harness: RunnerHarness) -> None:
    uncounted: list[int] = []

    async def not_its_turn(context: TaskContext) -> Result:
        uncounted.append(context.details.uncounted)
        if context.attempt < 5:
            raise AttemptDeferred("TENANT_BUSY", "Not its turn.", seconds=0.03)
        if context.attempt < 6:
            raise TaskFault("GRAPH_UNAVAILABLE", "Nobody there.", retryable=True)
        return Result.ok("FINE")

    end = await run_it(harness, task_that(not_its_turn, retry=Retry(attempts=2, first_delay=0.02)))
    assert summary(end) == ("succeeded", "ok", "FINE", 6)
    assert uncounted == [0, 1, 2, 3, 4, 4]


async def test_a_waiting_task_with_one_attempt_runs_again(
    harness: RunnerHarness,
) -> None:
    async def third_time(context: TaskContext) -> Result:
        if context.attempt < 3:
            raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=0.05)
        return Result.ok("FINE")

    end = await run_it(harness, task_that(third_time, retry=Retry(attempts=1)))
    assert summary(end) == ("succeeded", "ok", "FINE", 3)


async def test_a_run_that_waits_holds_no_slot_of_its_worker(harness: RunnerHarness) -> None:
    async def not_yet(context: TaskContext) -> Result:
        raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=600)

    harness.new_worker(task_that(not_yet), concurrency=1).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="waiting")
    await harness.apply(start(2))
    assert (await finished(harness, 2)).state is RunState.SUCCEEDED


async def test_a_run_at_its_wait_limit_keeps_its_last_observation(harness: RunnerHarness) -> None:
    async def never(context: TaskContext) -> Result:
        raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=600, payload={"id": "r1"})

    end = await run_it(harness, task_that(never, wait_limit=0.3))
    assert summary(end) == ("timed_out", "unknown", "WAIT_LIMIT_EXCEEDED", 2)
    assert end.payload["id"] == "r1"


async def test_progress_is_published_once_a_second_at_most(harness: RunnerHarness) -> None:
    began = time.monotonic()

    async def busy(context: TaskContext) -> Result:
        for done in range(1, 150):
            await context.progress(done, 150, "users")
            await asyncio.sleep(0.015)
        return Result.ok("FINE")

    harness.new_worker(task_that(busy), lease_seconds=1.0).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="succeeded")
    reports = [message for message in await harness.new_messages() if isinstance(message, RunProgressed)]
    assert 2 <= len(reports) <= 1 + time.monotonic() - began
    assert all(message.progress is not None and message.progress.total == 150 for message in reports)
