"""A run that no worker takes does not wait for ever, and only the database's clock says for how long it did."""

import asyncio
import time

import pytest

from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.types import CheckStatus, RunState
from onboarding_shared.postgres.faults import DatabaseUnavailable
from task_runner.domain.outcomes import ResumeLater
from task_runner.store.settling import Settlement
from task_runner.use_cases.overdue import Overdue
from tests.integration.task_runner.scene import Scene, cancel, recorded, start
from tests.support.waiting import eventually

LATE = "UPDATE executions SET resume_at = now() - interval '61 seconds' WHERE run_id = 1"


@pytest.fixture
def overdue(scene: Scene) -> Overdue:
    return Overdue(scene.database, scene.outbox, queue_seconds=60.0, confirm_seconds=20.0)


async def test_a_run_that_no_worker_took_in_time_ends_and_says_so(scene: Scene, overdue: Overdue) -> None:
    await scene.apply(start(1), start(2, tenant_id=5))
    await scene.sql(LATE)

    assert await overdue.expire() == 1
    row, (told,) = await scene.row(1), await scene.said()
    assert isinstance(told, RunFinished)
    assert (told.run_id, told.state, told.status) == (1, RunState.TIMED_OUT, CheckStatus.UNKNOWN)
    assert (told.reason_code, told.attempt, told.started_at) == ("QUEUE_TIME_LIMIT_EXCEEDED", 0, None)
    assert told.message == "No worker took the run within 60 seconds from when it was due."
    assert row.confirm_at is not None, "it is told again until its evidence stands"
    assert await scene.state(2) == "queued"


async def test_it_counts_from_when_the_run_was_due_not_from_its_start(scene: Scene, overdue: Overdue) -> None:
    await scene.apply(start(1))
    await scene.sql("UPDATE executions SET created_at = now() - interval '20 days'")
    assert await overdue.expire() == 0


async def test_a_run_that_waited_ends_with_what_it_found_last(scene: Scene, overdue: Overdue) -> None:
    await scene.apply(start(1))
    (claim,) = await scene.claim()
    waits = ResumeLater(delay=300.0, reason_code="APPROVAL_PENDING", message="Not yet.", payload={"id": "r1"})
    await scene.settle(
        Settlement(run_id=1, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=waits, excused=True)
    )
    assert await overdue.expire() == 0
    await scene.sql(LATE)
    assert await overdue.expire() == 1
    told = (await scene.said())[-1]
    assert isinstance(told, RunFinished)
    assert (told.reason_code, told.payload) == ("QUEUE_TIME_LIMIT_EXCEEDED", {"id": "r1"})


async def test_a_run_under_way_is_left_to_its_own_clocks(scene: Scene, overdue: Overdue) -> None:
    await scene.apply(start(1))
    await scene.claim()
    await scene.sql(LATE)
    assert await overdue.expire() == 0


async def test_two_workers_that_find_the_same_late_run_end_it_once(scene: Scene, overdue: Overdue) -> None:
    await scene.apply(start(1))
    await scene.said()
    await scene.sql(LATE)
    assert sorted(await asyncio.gather(overdue.expire(), overdue.expire())) == [0, 1]
    assert len(await scene.said()) == 1


async def test_what_ended_so_is_not_claimed_nor_cancelled_and_can_be_confirmed(scene: Scene, overdue: Overdue) -> None:
    await scene.apply(start(1))
    await scene.sql(LATE)
    await overdue.expire()
    await scene.apply(cancel(1))
    await scene.apply(recorded(1))
    assert await scene.claim() == ()
    row = await scene.row(1)
    assert (row.state, row.confirm_at) == ("timed_out", None)


async def test_a_worker_ends_what_nobody_can_run(scene: Scene) -> None:
    await scene.apply(start(1))
    scene.tasks.pop("check.quick")
    scene.new_worker(queue_seconds=0.3).start()
    await eventually(lambda: scene.state(1), equals="timed_out")


async def test_a_worker_that_has_only_just_started_takes_late_runs_instead_of_ending_them(scene: Scene) -> None:
    await scene.apply(*(start(run, tenant_id=run) for run in range(1, 30)))
    await scene.sql("UPDATE executions SET resume_at = now() - interval '2 hours'")
    scene.new_worker(queue_seconds=3600.0, concurrency=2).start()

    async def states() -> set[str]:
        return {row.state for row in await scene.sql("SELECT DISTINCT state FROM executions")}

    await eventually(states, equals={"succeeded"})


async def test_a_worker_whose_database_was_away_leaves_late_runs_alone_for_a_while(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    async def expire() -> int:
        looks.append(time.monotonic())
        if len(looks) == 1:
            raise DatabaseUnavailable("away")
        return 0

    worker = scene.new_worker(queue_seconds=1.0)
    monkeypatch.setattr(worker.overdue, "expire", expire)
    worker.start()

    async def looked_twice() -> bool:
        return len(looks) >= 2

    await eventually(looked_twice, equals=True)
    assert looks[1] - looks[0] > 0.9
