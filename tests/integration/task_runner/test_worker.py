"""The worker runs tasks to their end, whatever they do."""

import asyncio
import time

import pytest

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import RunProgressed, TaskTypesAnnounced
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.tasks import Result, Retry, TaskContext, TaskFault, Wait
from tests.integration.task_runner.scene import Scene, start
from tests.integration.task_runner.working import finished, run_it, summary, task_that
from tests.support.waiting import eventually


async def test_a_task_runs_and_its_result_is_told(scene: Scene) -> None:
    scene.new_worker().start()
    await scene.apply(start(1))
    end = await finished(scene)
    assert summary(end) == ("succeeded", "ok", "QUICK_OK", 1)
    assert end.payload["tenant"] == 4
    assert end.payload["provenance"]["checker"] == "check.quick"


async def test_a_worker_announces_what_it_can_run(scene: Scene) -> None:
    scene.new_worker().start()
    said: list[Message] = []

    async def look() -> bool:
        said.extend(await scene.said())
        return bool(said)

    await eventually(look)
    (announced,) = said
    assert isinstance(announced, TaskTypesAnnounced)
    assert announced.tenant_id == 0
    assert {one.name for one in announced.task_types} == set(scene.tasks)


async def test_what_was_taken_in_elsewhere_is_found_by_polling(scene: Scene) -> None:
    await scene.apply(start(1))
    scene.new_worker().start()
    assert (await finished(scene)).state is RunState.SUCCEEDED


async def test_a_task_that_raises_ends_as_crashed_without_its_text(scene: Scene) -> None:
    async def crash(context: TaskContext) -> Result:
        raise ValueError("the secret is 1234")

    end = await run_it(scene, task_that(crash))
    assert summary(end) == ("failed", "unknown", "TASK_CRASHED", 1)
    assert end.message == "The task raised ValueError; the log of the runner has the details."


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, MemoryError])
async def test_not_even_an_exit_ends_the_worker(scene: Scene, kind: type[BaseException]) -> None:
    async def leave(context: TaskContext) -> Result:
        raise kind

    end = await run_it(scene, task_that(leave))
    assert summary(end) == ("failed", "unknown", "TASK_CRASHED", 1)
    await scene.apply(start(2))
    assert (await finished(scene, 2)).state is RunState.SUCCEEDED


async def test_a_result_that_breaks_the_contract_ends_as_invalid(scene: Scene) -> None:
    async def wrong(context: TaskContext) -> Result:
        return Result(status=CheckStatus.OK, reason_code="not a code", message="", payload={})

    assert summary(await run_it(scene, task_that(wrong))) == ("failed", "unknown", "RESULT_INVALID", 1)


async def test_a_passing_fault_is_tried_again_after_its_wait(scene: Scene) -> None:
    async def second_time(context: TaskContext) -> Result:
        if context.attempt == 1:
            raise TaskFault("GRAPH_THROTTLED", "Slow down.", retryable=True)
        return Result.ok("FINE")

    end = await run_it(scene, task_that(second_time, retry=Retry(attempts=2, first_delay=0.05)))
    assert summary(end) == ("succeeded", "ok", "FINE", 2)


async def test_a_fault_that_stays_ends_the_run_with_its_reason(scene: Scene) -> None:
    async def never(context: TaskContext) -> Result:
        raise TaskFault("GRAPH_UNAVAILABLE", "Nobody there.", retryable=True)

    end = await run_it(scene, task_that(never, retry=Retry(attempts=3, first_delay=0.02)))
    assert summary(end) == ("failed", "unknown", "GRAPH_UNAVAILABLE", 3)


async def test_a_provider_that_names_a_time_is_waited_for(scene: Scene) -> None:
    async def throttled(context: TaskContext) -> Result:
        raise TaskFault("GRAPH_THROTTLED", "Slow down.", retryable=True, retry_after=120)

    scene.new_worker(task_that(throttled)).start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="waiting")
    (row,) = await scene.sql("SELECT extract(epoch FROM resume_at - now()) AS seconds FROM executions")
    assert 110 < row.seconds <= 120


async def test_a_task_that_waits_runs_again_from_its_start_although_it_may_be_tried_once_only(scene: Scene) -> None:
    async def third_time(context: TaskContext) -> Result:
        if context.attempt < 3:
            raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=0.05)
        return Result.ok("FINE")

    end = await run_it(scene, task_that(third_time, retry=Retry(attempts=1)))
    assert summary(end) == ("succeeded", "ok", "FINE", 3)


async def test_a_run_that_waits_holds_no_slot_of_its_worker(scene: Scene) -> None:
    async def not_yet(context: TaskContext) -> Result:
        raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=600)

    scene.new_worker(task_that(not_yet), concurrency=1).start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="waiting")
    await scene.apply(start(2))
    assert (await finished(scene, 2)).state is RunState.SUCCEEDED


async def test_a_run_that_waits_to_its_wait_limit_ends_with_what_it_found_last(scene: Scene) -> None:
    async def never(context: TaskContext) -> Result:
        raise Wait("APPROVAL_PENDING", "Nobody has approved yet.", seconds=600, payload={"id": "r1"})

    end = await run_it(scene, task_that(never, wait_limit=0.3))
    assert summary(end) == ("timed_out", "unknown", "WAIT_LIMIT_EXCEEDED", 2)
    assert end.payload["id"] == "r1"


async def test_progress_is_told_once_a_second_at_most(scene: Scene) -> None:
    began = time.monotonic()

    async def busy(context: TaskContext) -> Result:
        for done in range(1, 150):
            await context.progress(done, 150, "users")
            await asyncio.sleep(0.015)
        return Result.ok("FINE")

    scene.new_worker(task_that(busy), lease_seconds=1.0).start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="succeeded")
    told = [one for one in await scene.said() if isinstance(one, RunProgressed)]
    assert 2 <= len(told) <= 1 + time.monotonic() - began
    assert all(one.progress is not None and one.progress.total == 150 for one in told)
