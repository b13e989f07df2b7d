"""Only who holds the lease writes, exactly once, and the news goes with it."""

import asyncio
from datetime import timedelta

from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.outcomes import Cancelled, GiveUp, ResumeLater, RetryLater, Succeed
from task_runner.store.settling import Settled, Settlement, SettlementRefused
from tests.integration.task_runner.scene import Scene, cancel, start

OK = Succeed(status=CheckStatus.WARN, reason_code="LOOK", message="Look here.", payload={"seats": [1, None, "ü"]})
APPROVAL = ResumeLater(delay=300.0, reason_code="APPROVAL_PENDING", message="Not yet.", payload={"id": "r1"})
LATER = RetryLater(delay=30.0, reason_code="THROTTLED", message="Slow down.")


async def claimed(scene: Scene, run_id: int = 1) -> Settlement:
    """A settlement of a run that was just claimed."""
    await scene.apply(start(run_id))
    (claim,) = await scene.claim()
    await scene.said()
    return Settlement(run_id=run_id, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=OK)


def changed(settlement: Settlement, **values: object) -> Settlement:
    fields = {name: getattr(settlement, name) for name in Settlement.__slots__}
    return Settlement(**{**fields, **values})


async def test_a_result_ends_the_run_and_is_told_with_what_was_found(scene: Scene) -> None:
    assert await scene.settle(await claimed(scene)) == [Settled()]
    row = await scene.row(1)
    assert (row.state, row.lease_expires_at, row.worker) == ("succeeded", None, None)
    assert row.confirm_at - row.finished_at == timedelta(seconds=20)
    assert await scene.said() == [
        RunFinished(
            tenant_id=4,
            run_id=1,
            task_type="check.quick",
            attempt=1,
            state=RunState.SUCCEEDED,
            session_id=9,
            status=CheckStatus.WARN,
            reason_code="LOOK",
            message="Look here.",
            payload={"seats": [1, None, "ü"]},
            started_at=row.started_at,
            finished_at=row.finished_at,
        )
    ]


async def test_a_worker_whose_lease_was_taken_writes_nothing(scene: Scene) -> None:
    stale = await claimed(scene)
    await scene.sql("UPDATE executions SET lease_token = nextval('lease_tokens')")
    assert await scene.settle(stale) == [SettlementRefused(None)]
    assert await scene.state(1) == "running"
    assert await scene.said() == []


async def test_a_result_written_twice_is_told_once(scene: Scene) -> None:
    settlement = await claimed(scene)
    await scene.settle(settlement)
    assert await scene.settle(settlement) == [Settled()]
    assert len(await scene.said()) == 1


async def test_two_ends_of_one_run_at_once_leave_one(scene: Scene) -> None:
    settlement = await claimed(scene)
    failed = changed(settlement, outcome=GiveUp(reason_code="NO", message=""))
    answers = await asyncio.gather(scene.settle(settlement), scene.settle(failed))
    assert sorted(map(repr, answers)) == ["[Settled()]", "[SettlementRefused(state=None)]"]
    assert len(await scene.said()) == 1


async def test_a_retry_waits_for_its_time_and_says_until_when(scene: Scene) -> None:
    await scene.settle(changed(await claimed(scene), outcome=LATER))
    row = await scene.row(1)
    assert (row.state, row.attempt, row.excused, row.finished_at) == ("waiting", 1, 0, None)
    (told,) = await scene.said()
    assert isinstance(told, RunProgressed)
    assert (told.state, told.reason_code, told.resume_at) == (RunState.WAITING, "THROTTLED", row.resume_at)


async def test_a_run_that_waits_is_free_of_its_worker_and_says_for_what_and_until_when(scene: Scene) -> None:
    await scene.settle(changed(await claimed(scene), outcome=APPROVAL))
    row = await scene.row(1)
    assert (row.state, row.worker, row.lease_expires_at, row.status) == ("waiting", None, None, None)
    assert (row.message, row.payload) == ("Not yet.", {"id": "r1"})
    (told,) = await scene.said()
    assert isinstance(told, RunProgressed)
    assert (told.state, told.reason_code, told.resume_at) == (RunState.WAITING, "APPROVAL_PENDING", row.resume_at)


async def test_a_run_that_waited_has_all_its_attempts_again_and_no_lost_worker_counts(scene: Scene) -> None:
    settlement = await claimed(scene)
    await scene.sql("UPDATE executions SET attempt = 9, excused = 2, losses = 3")
    await scene.settle(changed(settlement, outcome=APPROVAL))
    await scene.sql("UPDATE executions SET resume_at = now()")
    (claim,) = await scene.claim()
    assert (claim.execution.attempt, claim.tries, (await scene.row(1)).losses) == (10, 1, 0)


async def test_a_run_that_waits_is_not_claimed_before_its_time(scene: Scene) -> None:
    await scene.settle(changed(await claimed(scene), outcome=APPROVAL))
    assert await scene.claim() == ()


async def test_a_question_about_a_run_that_waits_is_answered_and_changes_nothing(scene: Scene) -> None:
    await scene.settle(changed(await claimed(scene), outcome=APPROVAL))
    before, told = await scene.row(1), await scene.said()
    await scene.apply(start(1))
    assert (await scene.said(), await scene.row(1)) == (told, before)


async def test_a_cancelled_run_that_waits_ends_at_once_and_a_second_cancellation_changes_nothing(scene: Scene) -> None:
    await scene.settle(changed(await claimed(scene), outcome=APPROVAL))
    await scene.said()
    await scene.apply(cancel(1))
    once, (told,) = await scene.row(1), await scene.said()
    await scene.apply(cancel(1))
    assert (once.state, once.reason_code, once.payload, once.confirm_at) == ("cancelled", "RUN_CANCELLED", None, None)
    assert (await scene.row(1), await scene.said()) == (once, [told])


async def test_a_cancellation_that_came_first_refuses_a_retry_and_says_so(scene: Scene) -> None:
    settlement = changed(await claimed(scene), outcome=LATER)
    await scene.apply(cancel(1))
    assert await scene.settle(settlement) == [SettlementRefused(RunState.CANCELLING)]
    again = changed(settlement, observed=RunState.CANCELLING, outcome=Cancelled())
    assert await scene.settle(again) == [Settled()]
    assert await scene.state(1) == "cancelled"


async def test_a_cancelled_run_leaves_nothing_to_confirm(scene: Scene) -> None:
    settlement = await claimed(scene)
    await scene.apply(cancel(1))
    await scene.settle(changed(settlement, observed=RunState.CANCELLING, outcome=Cancelled()))
    assert (await scene.row(1)).confirm_at is None


async def test_a_transition_that_the_table_does_not_know_is_refused(scene: Scene) -> None:
    settlement = changed(await claimed(scene), outcome=Cancelled())
    assert await scene.settle(settlement) == [SettlementRefused(RunState.RUNNING)]
    assert await scene.said() == []


async def test_a_batch_answers_each_request_in_its_place(scene: Scene) -> None:
    good = await claimed(scene, 1)
    stale = changed(good, run_id=2)
    other = Settlement(run_id=404, lease_token=1, observed=RunState.RUNNING, outcome=OK)
    assert await scene.settle(stale, good, other) == [SettlementRefused(None), Settled(), SettlementRefused(None)]
