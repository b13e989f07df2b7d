"""Workers that stop, vanish, lose a lease or their database: every run still ends once."""

import asyncio
import time

import pytest

from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.types import RunState
from onboarding_shared.postgres.faults import DatabaseUnavailable
from task_runner.tasks import Result, Retry, TaskContext
from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.integration.task_runner.working import finished, summary, task_that
from tests.support.waiting import eventually


async def test_a_stop_lets_what_runs_come_to_its_end(harness: RunnerHarness) -> None:
    async def short(context: TaskContext) -> Result:
        await asyncio.sleep(0.3)
        return Result.ok("FINE")

    worker = harness.new_worker(task_that(short), drain_seconds=5.0)
    worker.start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="running")
    await worker.stop()
    assert await harness.state(1) == "succeeded"


async def test_a_stop_returns_leases_to_other_workers_at_once(harness: RunnerHarness) -> None:
    async def slow_at_first(context: TaskContext) -> Result:
        if context.attempt == 1:
            await asyncio.sleep(60)
        return Result.ok("FINE")

    declared = task_that(slow_at_first, retry=Retry(attempts=1))
    worker = harness.new_worker(declared)
    worker.start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="running")
    await worker.stop()
    row = await harness.row(1)
    assert (row.state, row.attempt, row.excused, row.losses) == ("waiting", 1, 1, 0)
    harness.new_worker(declared, name="w2").start()
    assert summary(await finished(harness)) == ("succeeded", "ok", "FINE", 2)


async def test_a_worker_that_vanishes_is_replaced_within_its_lease(harness: RunnerHarness) -> None:
    async def slow_at_first(context: TaskContext) -> Result:
        if context.attempt == 1:
            await asyncio.sleep(60)
        return Result.ok("FINE")

    declared = task_that(slow_at_first, retry=Retry(attempts=1))
    harness.tasks["test.task"] = declared
    await harness.apply(start(1, "test.task"))
    assert len(await harness.claim(worker="killed", lease_seconds=1.0)) == 1
    began = time.monotonic()
    harness.new_worker(declared, name="w2", lease_seconds=1.0).start()
    assert summary(await finished(harness)) == ("succeeded", "ok", "FINE", 2)
    assert time.monotonic() - began < 3


async def test_a_worker_that_cannot_renew_stops_the_task_at_the_end_of_its_lease_and_writes_nothing(
    harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[float] = []

    async def long(context: TaskContext) -> Result:
        try:
            await asyncio.sleep(30)
        finally:
            stopped.append(time.monotonic())
        return Result.ok("TOO_LATE")

    worker = harness.new_worker(task_that(long), lease_seconds=1.0)

    async def unreachable(*_: object) -> dict[int, RunState]:
        raise DatabaseUnavailable("cut off")

    monkeypatch.setattr(worker.leases, "renew", unreachable)
    monkeypatch.setattr(worker.leases, "recover", unreachable)
    worker.start()
    began = time.monotonic()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: bool(stopped))
    assert 0.8 < stopped[0] - began < 2
    await asyncio.sleep(0.1)
    row = await harness.row(1)
    assert (row.state, row.attempt) == ("running", 1)


async def test_a_worker_that_finds_its_lease_taken_stops_the_task(harness: RunnerHarness) -> None:
    stopped = asyncio.Event()

    async def long(context: TaskContext) -> Result:
        try:
            await asyncio.sleep(30)
        finally:
            stopped.set()
        return Result.ok("TOO_LATE")

    harness.new_worker(task_that(long), lease_seconds=3.0).start()
    await harness.apply(start(1, "test.task"))
    await eventually(lambda: harness.state(1), equals="running")
    await harness.sql("UPDATE executions SET lease_token = nextval('lease_tokens'), worker = 'thief'")
    await asyncio.wait_for(stopped.wait(), 5)
    row = await harness.row(1)
    assert (row.state, row.worker) == ("running", "thief")


async def test_a_result_is_kept_during_a_short_database_failure(
    harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = harness.new_worker()
    real, failures = worker.pool._settle, iter(range(3))

    async def away(settlement: object) -> object:
        if next(failures, None) is not None:
            raise DatabaseUnavailable("restarting")
        return await real(settlement)  # type: ignore[arg-type]

    monkeypatch.setattr(worker.pool, "_settle", away)
    worker.start()
    await harness.apply(start(1))
    assert (await finished(harness)).state is RunState.SUCCEEDED


async def test_a_loop_that_fails_goes_on(harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = harness.new_worker()
    real, failures = worker.pool._claims.claim, iter(range(2))

    async def flaky(free: int) -> object:
        if next(failures, None) is not None:
            raise RuntimeError("out of the blue")
        return await real(free)

    monkeypatch.setattr(worker.pool._claims, "claim", flaky)
    worker.start()
    await harness.apply(start(1))
    assert (await finished(harness)).state is RunState.SUCCEEDED
    assert worker.stalled_loops() == []


async def test_two_workers_share_the_work_and_each_run_ends_once(harness: RunnerHarness) -> None:
    harness.new_worker(name="w1", concurrency=4).start()
    first, second = harness.worker, harness.new_worker(name="w2", concurrency=4)
    second.start()
    await harness.apply(*(start(run, tenant_id=1 + run % 40) for run in range(1, 201)))

    async def ended() -> int:
        (row,) = await harness.sql("SELECT count(*) FROM executions WHERE state = 'succeeded'")
        return int(row.count)

    await eventually(ended, equals=200)
    assert first is not None
    await first.stop()
    ends = [message.run_id for message in await harness.new_messages() if isinstance(message, RunFinished)]
    assert sorted(ends) == list(range(1, 201))
