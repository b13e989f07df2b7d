"""The outcome of a run is written once, by the holder of the lease, together with its message."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.task_runner import RunFinished, RunMessage, RunProgressed
from onboarding_shared.contracts.types import CheckStatus, RunState
from onboarding_shared.postgres.faults import DatabaseUnavailable
from task_runner.domain.outcomes import Cancelled, GiveUp, ResumeLater, RetryLater, Succeed
from task_runner.store.settling import Settled, Settlement, SettlementRefused, settle
from task_runner.use_cases.confirmations import Confirmations
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, start

OK = Succeed(status=CheckStatus.WARN, reason_code="LOOK", message="Look here.", payload={"seats": [1, None, "ü"]})
APPROVAL = ResumeLater(delay=300.0, reason_code="APPROVAL_PENDING", message="Not yet.", payload={"id": "r1"})
LATER = RetryLater(delay=30.0, reason_code="THROTTLED", message="Slow down.")

both = pytest.mark.parametrize("at_once", [True, False])


async def claimed(harness: RunnerHarness, run_id: int = 1, *, at_once: bool = True) -> Settlement:
    """A settlement of a run that was just claimed; ``at_once``: its claim is at hand."""
    await harness.apply(start(run_id))
    (claim,) = await harness.claim()
    await harness.new_messages()
    return Settlement(
        run_id=run_id,
        lease_token=claim.lease_token,
        observed=RunState.RUNNING,
        outcome=OK,
        claimed=claim.execution if at_once else None,
    )


def changed(settlement: Settlement, **values: object) -> Settlement:
    fields = {name: getattr(settlement, name) for name in Settlement.__slots__}
    return Settlement(**{**fields, **values})


@both
async def test_a_result_ends_the_run_and_is_published(harness: RunnerHarness, *, at_once: bool) -> None:
    assert await harness.settle(await claimed(harness, at_once=at_once)) == [Settled()]
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


@both
async def test_a_worker_whose_lease_was_taken_writes_nothing(harness: RunnerHarness, *, at_once: bool) -> None:
    stale = await claimed(harness, at_once=at_once)
    await harness.sql("UPDATE executions SET lease_token = nextval('lease_tokens')")
    assert await harness.settle(stale) == [SettlementRefused(None)]
    assert await harness.state(1) == "running"
    assert await harness.new_messages() == []


@both
async def test_a_result_written_twice_is_published_once(harness: RunnerHarness, *, at_once: bool) -> None:
    settlement = await claimed(harness, at_once=at_once)
    await harness.settle(settlement)
    assert await harness.settle(settlement) == [Settled()]
    assert len(await harness.new_messages()) == 1


async def test_an_end_is_published_as_its_row_tells_it(harness: RunnerHarness) -> None:
    await harness.settle(await claimed(harness))
    await harness.sql("UPDATE executions SET confirm_at = now()")
    await Confirmations(harness.database, harness.outbox, confirm_seconds=20).resend()
    first, again = await harness.new_messages()
    assert again == first


async def test_dying_while_an_end_is_written_leaves_the_run_in_progress(harness: RunnerHarness) -> None:
    settlement = await claimed(harness)
    await harness.sql("CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'died'; END $$")
    await harness.sql("CREATE TRIGGER die BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION die()")
    with pytest.raises(DBAPIError, match="died"):
        await harness.settle_singly(settlement)
    assert await harness.state(1) == "running"


async def test_an_end_whose_answer_was_lost_is_published_once(harness: RunnerHarness) -> None:
    settlement, answers = await claimed(harness), ["lost"]

    async def work(tx: AsyncConnection) -> list[Settled | SettlementRefused]:
        settled = await settle(tx, harness.outbox, [settlement], confirm_seconds=20.0)
        if answers:
            raise DatabaseUnavailable(answers.pop())
        return settled

    assert await harness.database.run_single(work) == [Settled()]
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
    again, messages = await harness.row(1), await harness.new_messages()
    asked_again = {"confirmed_at": again.confirmed_at}  # from then on the days count until the run is removed
    assert (again._asdict(), messages) == (once._asdict() | asked_again, [message])


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


async def test_a_batch_settles_ends_and_waits(harness: RunnerHarness) -> None:
    await harness.apply(*(start(run, tenant_id=run) for run in (1, 2, 3)))
    tokens = {claim.execution.run_id: claim for claim in await harness.claim()}
    batch = [
        Settlement(run_id=1, lease_token=tokens[1].lease_token, observed=RunState.RUNNING, outcome=APPROVAL),
        Settlement(run_id=2, lease_token=tokens[2].lease_token, observed=RunState.RUNNING, outcome=OK,
                   claimed=tokens[2].execution),
        Settlement(run_id=3, lease_token=tokens[3].lease_token, observed=RunState.RUNNING, outcome=OK),
    ]  # fmt: skip
    assert await harness.settle(*batch) == [Settled()] * 3
    assert [await harness.state(run) for run in (1, 2, 3)] == ["waiting", "succeeded", "succeeded"]
    messages = await harness.new_messages()
    assert {(message.run_id, type(message)) for message in messages if isinstance(message, RunMessage)} == {
        (1, RunProgressed),
        (2, RunFinished),
        (3, RunFinished),
    }
