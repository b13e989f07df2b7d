"""The outcome of a run is written once, by the holder of the lease, together with its message."""

import asyncio
from datetime import timedelta

from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.outcomes import Cancelled, GiveUp, ResumeLater, RetryLater, Succeed
from task_runner.store.settling import Settled, Settlement, SettlementRefused
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, start

OK = Succeed(status=CheckStatus.WARN, reason_code="LOOK", message="Look here.", payload={"seats": [1, None, "ü"]})
APPROVAL = ResumeLater(delay=300.0, reason_code="APPROVAL_PENDING", message="Not yet.", payload={"id": "r1"})
LATER = RetryLater(delay=30.0, reason_code="THROTTLED", message="Slow down.")


async def claimed(harness: RunnerHarness, run_id: int = 1) -> Settlement:
    """A settlement of a run that was just claimed."""
    await harness.apply(start(run_id))
    (claim,) = await harness.claim()
    await harness.new_messages()
    return Settlement(run_id=run_id, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=OK)


def changed(settlement: Settlement, **values: object) -> Settlement:
    fields = {name: getattr(settlement, name) for name in Settlement.__slots__}
    return Settlement(**{**fields, **values})


async def test_a_result_ends_the_run_and_is_published(harness: RunnerHarness) -> None:
    assert await harness.settle(await claimed(harness)) == [Settled()]
    row = await harness.row(1)
    assert (row.state, row.lease_expires_at, row.worker) == ("succeeded", None, None)
    assert row.confirm_at - row.finished_at == timedelta(seconds=20)
    assert await harness.new_messages() == [
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


async def test_a_worker_whose_lease_was_taken_writes_nothing(harness: RunnerHarness) -> None:
    stale = await claimed(harness)
    await harness.sql("UPDATE executions SET lease_token = nextval('lease_tokens')")
    assert await harness.settle(stale) == [SettlementRefused(None)]
    assert await harness.state(1) == "running"
    assert await harness.new_messages() == []


async def test_a_result_written_twice_is_published_once(harness: RunnerHarness) -> None:
    settlement = await claimed(harness)
    await harness.settle(settlement)
    assert await harness.settle(settlement) == [Settled()]
    assert len(await harness.new_messages()) == 1


async def test_two_ends_of_one_run_at_once_leave_one(harness: RunnerHarness) -> None:
    settlement = await claimed(harness)
    failed = changed(settlement, outcome=GiveUp(reason_code="NO", message=""))
    answers = await asyncio.gather(harness.settle(settlement), harness.settle(failed))
    assert sorted(map(repr, answers)) == ["[Settled()]", "[SettlementRefused(state=None)]"]
    assert len(await harness.new_messages()) == 1


async def test_a_retry_waits_and_publishes_its_resume_time(harness: RunnerHarness) -> None:
    await harness.settle(changed(await claimed(harness), outcome=LATER))
    row = await harness.row(1)
    assert (row.state, row.attempt, row.excused, row.finished_at) == ("waiting", 1, 0, None)
    (message,) = await harness.new_messages()
    assert isinstance(message, RunProgressed)
    assert (message.state, message.reason_code, message.resume_at) == (RunState.WAITING, "THROTTLED", row.resume_at)


async def test_a_waiting_run_has_no_worker_but_reason_and_time(harness: RunnerHarness) -> None:
    await harness.settle(changed(await claimed(harness), outcome=APPROVAL))
    row = await harness.row(1)
    assert (row.state, row.worker, row.lease_expires_at, row.status) == ("waiting", None, None, None)
    assert (row.message, row.payload) == ("Not yet.", {"id": "r1"})
    (message,) = await harness.new_messages()
    assert isinstance(message, RunProgressed)
    assert (message.state, message.reason_code, message.resume_at) == (
        RunState.WAITING,
        "APPROVAL_PENDING",
        row.resume_at,
    )


async def test_a_run_that_waited_has_all_attempts_again(harness: RunnerHarness) -> None:
    settlement = await claimed(harness)
    await harness.sql("UPDATE executions SET attempt = 9, excused = 2, losses = 3")
    await harness.settle(changed(settlement, outcome=APPROVAL))
    await harness.sql("UPDATE executions SET resume_at = now()")
    (claim,) = await harness.claim()
    assert (claim.execution.attempt, claim.tries, (await harness.row(1)).losses) == (10, 1, 0)


async def test_a_run_that_waits_is_not_claimed_before_its_time(harness: RunnerHarness) -> None:
    await harness.settle(changed(await claimed(harness), outcome=APPROVAL))
    assert await harness.claim() == ()


async def test_a_repeated_command_of_a_waiting_run_changes_nothing(harness: RunnerHarness) -> None:
    await harness.settle(changed(await claimed(harness), outcome=APPROVAL))
    before, message = await harness.row(1), await harness.new_messages()
    await harness.apply(start(1))
    assert (await harness.new_messages(), await harness.row(1)) == (message, before)


async def test_a_waiting_run_is_cancelled_at_once_and_only_once(
    harness: RunnerHarness,
) -> None:
    await harness.settle(changed(await claimed(harness), outcome=APPROVAL))
    await harness.new_messages()
    await harness.apply(cancel(1))
    once, (message,) = await harness.row(1), await harness.new_messages()
    await harness.apply(cancel(1))
    assert (once.state, once.reason_code, once.payload, once.confirm_at) == ("cancelled", "RUN_CANCELLED", None, None)
    assert (await harness.row(1), await harness.new_messages()) == (once, [message])


async def test_an_earlier_cancellation_refuses_a_retry_and_is_published(harness: RunnerHarness) -> None:
    settlement = changed(await claimed(harness), outcome=LATER)
    await harness.apply(cancel(1))
    assert await harness.settle(settlement) == [SettlementRefused(RunState.CANCELLING)]
    again = changed(settlement, observed=RunState.CANCELLING, outcome=Cancelled())
    assert await harness.settle(again) == [Settled()]
    assert await harness.state(1) == "cancelled"


async def test_a_cancelled_run_leaves_nothing_to_confirm(harness: RunnerHarness) -> None:
    settlement = await claimed(harness)
    await harness.apply(cancel(1))
    await harness.settle(changed(settlement, observed=RunState.CANCELLING, outcome=Cancelled()))
    assert (await harness.row(1)).confirm_at is None


async def test_a_transition_that_the_table_does_not_know_is_refused(harness: RunnerHarness) -> None:
    settlement = changed(await claimed(harness), outcome=Cancelled())
    assert await harness.settle(settlement) == [SettlementRefused(RunState.RUNNING)]
    assert await harness.new_messages() == []


async def test_a_batch_answers_each_request_in_its_place(harness: RunnerHarness) -> None:
    good = await claimed(harness, 1)
    stale = changed(good, run_id=2)
    other = Settlement(run_id=404, lease_token=1, observed=RunState.RUNNING, outcome=OK)
    assert await harness.settle(stale, good, other) == [SettlementRefused(None), Settled(), SettlementRefused(None)]
