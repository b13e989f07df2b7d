"""The worker runs tasks to their end, whatever they do."""

import asyncio
import time

import pytest

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed, TaskTypesAnnounced
from onboarding_shared.contracts.types import CheckStatus, RunState
from onboarding_shared.postgres.faults import DatabaseUnavailable
from task_runner.tasks import Result, Retry, Task, TaskContext, TaskFault, Wait, task
from task_runner.worker import attempt as attempts
from tests.integration.task_runner.scene import Scene, cancel, start
from tests.support.waiting import eventually


def task_that(do: object, **declaration: object) -> Task:
    """A task named ``test.task`` around the coroutine function ``do(context)``."""
    options = {"step": 1, "title": "Test", "scope": "tenant", **declaration}
    return task("test.task", **options)(do)  # type: ignore[arg-type]


async def finished(scene: Scene, run_id: int = 1) -> RunFinished:
    """What was told at the end of the run."""
    said: list[Message] = []

    async def look() -> bool:
        said.extend(await scene.said())
        return any(isinstance(one, RunFinished) and one.run_id == run_id for one in said)

    await eventually(look)
    return next(one for one in said if isinstance(one, RunFinished) and one.run_id == run_id)


async def run_it(scene: Scene, declared: Task, **limits: float) -> RunFinished:
    scene.new_worker(declared, **limits).start()
    await scene.apply(start(1, "test.task"))
    return await finished(scene)


def summary(end: RunFinished) -> tuple[str, str, str, int]:
    return str(end.state), str(end.status), end.reason_code, end.attempt


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


async def test_a_task_past_its_time_limit_is_timed_out(scene: Scene) -> None:
    async def sleep(context: TaskContext) -> Result:
        await asyncio.sleep(30)
        return Result.ok("TOO_LATE")

    end = await run_it(scene, task_that(sleep, time_limit=0.1))
    assert summary(end) == ("timed_out", "unknown", "TIME_LIMIT_EXCEEDED", 1)


async def test_a_cancelled_task_may_end_by_itself(scene: Scene) -> None:
    ended: list[str] = []

    async def polite(context: TaskContext) -> Result:
        await context.cancelled.wait()
        ended.append("by itself")
        raise TaskFault("STOPPED", "Stopped half way.")

    scene.new_worker(task_that(polite)).start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="running")
    await scene.apply(cancel(1))
    assert summary(await finished(scene)) == ("cancelled", "unknown", "RUN_CANCELLED", 1)
    assert ended == ["by itself"]


async def test_a_cancelled_task_that_does_not_listen_is_ended(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "CANCEL_GRACE_SECONDS", 0.05)

    async def deaf(context: TaskContext) -> Result:
        await asyncio.sleep(30)
        return Result.ok("TOO_LATE")

    scene.new_worker(task_that(deaf)).start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="running")
    await scene.apply(cancel(1))
    assert (await finished(scene)).state is RunState.CANCELLED


async def test_a_task_that_survives_its_cancellation_is_not_waited_for(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
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

    end = await run_it(scene, task_that(stubborn, time_limit=0.1))
    release.set()
    assert summary(end) == ("timed_out", "unknown", "TIME_LIMIT_EXCEEDED", 1)


async def test_an_answer_counts_although_a_cancellation_was_on_its_way(scene: Scene) -> None:
    async def done_anyway(context: TaskContext) -> Result:
        await context.cancelled.wait()
        return Result.ok("CHANGED")

    scene.new_worker(task_that(done_anyway)).start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="running")
    await scene.apply(cancel(1))
    assert summary(await finished(scene)) == ("succeeded", "ok", "CHANGED", 1)


async def test_a_cancellation_taken_in_by_another_process_arrives_with_the_heartbeat(scene: Scene) -> None:
    async def wait(context: TaskContext) -> Result:
        await context.cancelled.wait()
        raise TaskFault("STOPPED", "")

    scene.new_worker(task_that(wait), lease_seconds=3.0).start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="running")
    worker, scene.worker = scene.worker, None
    await scene.apply(cancel(1))
    scene.worker = worker
    assert (await finished(scene)).state is RunState.CANCELLED


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


async def test_a_stop_lets_what_runs_come_to_its_end(scene: Scene) -> None:
    async def short(context: TaskContext) -> Result:
        await asyncio.sleep(0.3)
        return Result.ok("FINE")

    worker = scene.new_worker(task_that(short), drain_seconds=5.0)
    worker.start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="running")
    await worker.stop()
    assert await scene.state(1) == "succeeded"


async def test_a_stop_gives_leases_back_so_that_another_worker_goes_on_at_once(scene: Scene) -> None:
    async def slow_at_first(context: TaskContext) -> Result:
        if context.attempt == 1:
            await asyncio.sleep(60)
        return Result.ok("FINE")

    declared = task_that(slow_at_first, retry=Retry(attempts=1))
    worker = scene.new_worker(declared)
    worker.start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="running")
    await worker.stop()
    row = await scene.row(1)
    assert (row.state, row.attempt, row.excused, row.losses) == ("waiting", 1, 1, 0)
    scene.new_worker(declared, name="w2").start()
    assert summary(await finished(scene)) == ("succeeded", "ok", "FINE", 2)


async def test_a_worker_that_vanishes_is_replaced_within_its_lease(scene: Scene) -> None:
    async def slow_at_first(context: TaskContext) -> Result:
        if context.attempt == 1:
            await asyncio.sleep(60)
        return Result.ok("FINE")

    declared = task_that(slow_at_first, retry=Retry(attempts=1))
    scene.tasks["test.task"] = declared
    await scene.apply(start(1, "test.task"))
    assert len(await scene.claim(worker="killed", lease_seconds=1.0)) == 1
    began = time.monotonic()
    scene.new_worker(declared, name="w2", lease_seconds=1.0).start()
    assert summary(await finished(scene)) == ("succeeded", "ok", "FINE", 2)
    assert time.monotonic() - began < 3


async def test_a_worker_that_cannot_renew_stops_the_task_at_the_end_of_its_lease_and_writes_nothing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[float] = []

    async def long(context: TaskContext) -> Result:
        try:
            await asyncio.sleep(30)
        finally:
            stopped.append(time.monotonic())
        return Result.ok("TOO_LATE")

    worker = scene.new_worker(task_that(long), lease_seconds=1.0)

    async def unreachable(*_: object) -> dict[int, RunState]:
        raise DatabaseUnavailable("cut off")

    monkeypatch.setattr(worker.leases, "renew", unreachable)
    monkeypatch.setattr(worker.leases, "recover", unreachable)
    worker.start()
    began = time.monotonic()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: bool(stopped))
    assert 0.8 < stopped[0] - began < 2
    await asyncio.sleep(0.1)
    row = await scene.row(1)
    assert (row.state, row.attempt) == ("running", 1)


async def test_a_worker_that_finds_its_lease_taken_stops_the_task(scene: Scene) -> None:
    stopped = asyncio.Event()

    async def long(context: TaskContext) -> Result:
        try:
            await asyncio.sleep(30)
        finally:
            stopped.set()
        return Result.ok("TOO_LATE")

    scene.new_worker(task_that(long), lease_seconds=3.0).start()
    await scene.apply(start(1, "test.task"))
    await eventually(lambda: scene.state(1), equals="running")
    await scene.sql("UPDATE executions SET lease_token = nextval('lease_tokens'), worker = 'thief'")
    await asyncio.wait_for(stopped.wait(), 5)
    row = await scene.row(1)
    assert (row.state, row.worker) == ("running", "thief")


async def test_a_result_waits_for_a_database_that_is_away_for_a_moment(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = scene.new_worker()
    real, failures = worker.pool._settle, iter(range(3))

    async def away(settlement: object) -> object:
        if next(failures, None) is not None:
            raise DatabaseUnavailable("restarting")
        return await real(settlement)  # type: ignore[arg-type]

    monkeypatch.setattr(worker.pool, "_settle", away)
    worker.start()
    await scene.apply(start(1))
    assert (await finished(scene)).state is RunState.SUCCEEDED


async def test_a_loop_that_fails_goes_on(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = scene.new_worker()
    real, failures = worker.pool._claims.claim, iter(range(2))

    async def flaky(free: int) -> object:
        if next(failures, None) is not None:
            raise RuntimeError("out of the blue")
        return await real(free)

    monkeypatch.setattr(worker.pool._claims, "claim", flaky)
    worker.start()
    await scene.apply(start(1))
    assert (await finished(scene)).state is RunState.SUCCEEDED
    assert worker.stalled_loops() == []


async def test_two_workers_share_the_work_and_each_run_ends_once(scene: Scene) -> None:
    scene.new_worker(name="w1", concurrency=4).start()
    first, second = scene.worker, scene.new_worker(name="w2", concurrency=4)
    second.start()
    await scene.apply(*(start(run, tenant_id=1 + run % 40) for run in range(1, 201)))

    async def ended() -> int:
        (row,) = await scene.sql("SELECT count(*) FROM executions WHERE state = 'succeeded'")
        return int(row.count)

    await eventually(ended, equals=200)
    assert first is not None
    await first.stop()
    ends = [one.run_id for one in await scene.said() if isinstance(one, RunFinished)]
    assert sorted(ends) == list(range(1, 201))
