"""The time limit of queued runs, measured by the clock of the database."""

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.types import CheckStatus, RunState
from onboarding_shared.postgres.faults import DatabaseUnavailable
from task_runner.domain.outcomes import ResumeLater
from task_runner.store.settling import Settlement
from task_runner.use_cases.overdue import Overdue
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, recorded, start
from tests.support.waiting import eventually

LATE = "UPDATE executions SET resume_at = now() - interval '61 seconds' WHERE run_id = 1"


@pytest.fixture
def overdue(harness: RunnerHarness) -> Overdue:
    return Overdue(harness.database, harness.outbox, queue_seconds=60.0, confirm_seconds=20.0)


async def test_a_run_that_no_worker_claimed_in_time_ends(harness: RunnerHarness, overdue: Overdue) -> None:
    await harness.apply(start(1), start(2, tenant_id=5))
    await harness.sql(LATE)

    assert await overdue.expire() == 1
    row, (message,) = await harness.row(1), await harness.new_messages()
    assert isinstance(message, RunFinished)
    assert (message.run_id, message.state, message.status) == (1, RunState.TIMED_OUT, CheckStatus.UNKNOWN)
    assert (message.reason_code, message.attempt, message.started_at) == ("QUEUE_TIME_LIMIT_EXCEEDED", 0, None)
    assert message.message == "No worker claimed the run within 60 seconds after it was due."
    assert row.confirm_at is not None, "it is repeated until its evidence is recorded"
    assert await harness.state(2) == "queued"


async def test_runs_that_end_without_an_attempt_are_in_the_log(harness: RunnerHarness, overdue: Overdue) -> None:
    with capture_logs() as logs:
        await harness.apply(start(1), start(2, "no.such_task", tenant_id=5), start(3, tenant_id=6))
        await harness.apply(cancel(3, tenant_id=6))
        await harness.sql(LATE)
        await overdue.expire()

    ended = {line["run_id"]: line["reason_code"] for line in logs if line["event"] == "run_ended"}
    assert ended == {1: "QUEUE_TIME_LIMIT_EXCEEDED", 2: "TASK_TYPE_UNKNOWN", 3: "RUN_CANCELLED"}


async def test_the_queue_limit_counts_from_the_due_time(harness: RunnerHarness, overdue: Overdue) -> None:
    await harness.apply(start(1))
    await harness.sql("UPDATE executions SET created_at = now() - interval '20 days'")
    assert await overdue.expire() == 0


async def test_a_run_that_waited_ends_with_what_it_found_last(harness: RunnerHarness, overdue: Overdue) -> None:
    await harness.apply(start(1))
    (claim,) = await harness.claim()
    waits = ResumeLater(delay=300.0, reason_code="APPROVAL_PENDING", message="Not yet.", payload={"id": "r1"})
    await harness.settle(
        Settlement(run_id=1, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=waits, excused=True)
    )
    assert await overdue.expire() == 0
    await harness.sql(LATE)
    assert await overdue.expire() == 1
    message = (await harness.new_messages())[-1]
    assert isinstance(message, RunFinished)
    assert (message.reason_code, message.payload) == ("QUEUE_TIME_LIMIT_EXCEEDED", {"id": "r1"})


async def test_a_run_under_way_is_left_to_its_own_clocks(harness: RunnerHarness, overdue: Overdue) -> None:
    await harness.apply(start(1))
    await harness.claim()
    await harness.sql(LATE)
    assert await overdue.expire() == 0


async def test_two_workers_end_the_same_late_run_once(harness: RunnerHarness, overdue: Overdue) -> None:
    await harness.apply(start(1))
    await harness.new_messages()
    await harness.sql(LATE)
    assert sorted(await asyncio.gather(overdue.expire(), overdue.expire())) == [0, 1]
    assert len(await harness.new_messages()) == 1


async def test_an_overdue_run_is_neither_claimed_nor_cancelled_but_confirmed(
    harness: RunnerHarness, overdue: Overdue
) -> None:
    await harness.apply(start(1))
    await harness.sql(LATE)
    await overdue.expire()
    await harness.apply(cancel(1))
    await harness.apply(recorded(1))
    assert await harness.claim() == ()
    row = await harness.row(1)
    assert (row.state, row.confirm_at) == ("timed_out", None)


async def test_a_worker_ends_what_nobody_can_run(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    harness.tasks.pop("check.quick")
    harness.new_worker(queue_seconds=0.3).start()
    await eventually(lambda: harness.state(1), equals="timed_out")


async def test_a_newly_started_worker_claims_late_runs(
    harness: RunnerHarness,
) -> None:
    await harness.apply(*(start(run, tenant_id=run) for run in range(1, 30)))
    await harness.sql("UPDATE executions SET resume_at = now() - interval '2 hours'")
    harness.new_worker(queue_seconds=3600.0, concurrency=2).start()

    async def states() -> set[str]:
        return {row.state for row in await harness.sql("SELECT DISTINCT state FROM executions")}

    await eventually(states, equals={"succeeded"})


async def test_a_worker_spares_late_runs_after_a_database_failure(
    harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    async def expire() -> int:
        looks.append(time.monotonic())
        if len(looks) == 1:
            raise DatabaseUnavailable("away")
        return 0

    worker = harness.new_worker(queue_seconds=1.0)
    monkeypatch.setattr(worker.overdue, "expire", expire)
    worker.start()

    async def looked_twice() -> bool:
        return len(looks) >= 2

    await eventually(looked_twice, equals=True)
    assert looks[1] - looks[0] > 0.9
