"""The intake of commands: stored once, answered again when repeated, cancelled at any time."""

from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.outcomes import Succeed
from task_runner.store.settling import Settled, Settlement
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, recorded, start

OK = Succeed(status=CheckStatus.OK, reason_code="QUICK_OK", message="", payload={"a": 1})
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def finish(harness: RunnerHarness, run_id: int) -> None:
    (claim,) = [held for held in await harness.claim() if held.execution.run_id == run_id]
    answers = await harness.settle(
        Settlement(run_id=run_id, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=OK)
    )
    assert answers == [Settled()]


async def test_a_new_command_is_stored_without_a_message(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    assert await harness.state(1) == "queued"
    assert await harness.new_messages() == []


async def test_a_batch_with_the_same_command_twice_keeps_one_execution(harness: RunnerHarness) -> None:
    await harness.apply(start(1), start(1), start(2, tenant_id=5))
    assert [row.run_id for row in await harness.sql("SELECT run_id FROM executions ORDER BY run_id")] == [1, 2]


async def test_a_repeated_command_is_answered_with_the_runs_state(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.apply(start(1))
    (answer,) = await harness.new_messages()
    assert isinstance(answer, RunProgressed)
    assert (answer.run_id, answer.state, answer.attempt, answer.resume_at) == (1, RunState.QUEUED, 0, None)


async def test_a_repeated_command_of_a_running_run_starts_nothing(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.claim()
    await harness.apply(start(1))
    assert await harness.claim() == ()
    (answer,) = await harness.new_messages()
    assert isinstance(answer, RunProgressed) and answer.state is RunState.RUNNING


async def test_a_repeated_command_of_an_ended_run_repeats_its_result(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await finish(harness, 1)
    first = (await harness.new_messages())[-1]
    await harness.apply(start(1))
    (again,) = await harness.new_messages()
    assert isinstance(again, RunFinished)
    assert again == first
    assert again.payload == {"a": 1}


async def test_an_unknown_task_type_ends_at_once(harness: RunnerHarness) -> None:
    await harness.apply(start(1, "nobody.knows"))
    (message,) = await harness.new_messages()
    assert isinstance(message, RunFinished)
    assert (message.state, message.status, message.reason_code) == (
        RunState.FAILED,
        CheckStatus.UNKNOWN,
        "TASK_TYPE_UNKNOWN",
    )
    assert message.started_at is None and message.session_id == 9
    assert await harness.claim() == ()


async def test_a_task_of_a_connection_without_one_ends_at_once(harness: RunnerHarness) -> None:
    await harness.apply(start(1, "check.connection"))
    (message,) = await harness.new_messages()
    assert isinstance(message, RunFinished)
    assert (message.state, message.status, message.reason_code) == (
        RunState.FAILED,
        CheckStatus.UNKNOWN,
        "PROVIDER_CONNECTION_MISSING",
    )


async def test_a_waiting_run_is_cancelled_at_once(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.apply(cancel(1))
    (message,) = await harness.new_messages()
    assert isinstance(message, RunFinished)
    assert (message.state, message.reason_code, message.attempt) == (RunState.CANCELLED, "RUN_CANCELLED", 0)
    assert await harness.claim() == ()


async def test_start_and_cancel_in_one_batch_leave_a_cancelled_run(harness: RunnerHarness) -> None:
    await harness.apply(start(1), cancel(1))
    assert await harness.state(1) == "cancelled"
    assert await harness.claim() == ()


async def test_a_cancelled_running_run_is_interrupted_after_the_commit(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.claim()
    await harness.new_messages()
    await harness.apply(cancel(1))
    (message,) = await harness.new_messages()
    assert isinstance(message, RunProgressed) and message.state is RunState.CANCELLING
    assert harness.interrupted == [1]


async def test_a_cancellation_that_overtook_its_start_still_cancels(harness: RunnerHarness) -> None:
    await harness.apply(cancel(1))
    assert await harness.new_messages() == []
    await harness.apply(start(1), traceparent=TRACE)
    (message,) = await harness.new_messages()
    assert isinstance(message, RunFinished)
    assert (message.state, message.task_type, message.session_id) == (RunState.CANCELLED, "check.quick", 9)
    assert await harness.claim() == ()


async def test_cancelling_an_ended_run_is_answered_with_how_it_ended(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await finish(harness, 1)
    await harness.new_messages()
    await harness.apply(cancel(1))
    (message,) = await harness.new_messages()
    assert isinstance(message, RunFinished) and message.state is RunState.SUCCEEDED


async def test_another_tenants_cancellation_changes_nothing_and_learns_nothing(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.apply(cancel(1, tenant_id=5))
    states = await harness.sql("SELECT state FROM executions WHERE run_id = 1 ORDER BY tenant_id")
    assert [row.state for row in states] == ["queued", "cancelled"]
    assert await harness.new_messages() == []


async def test_a_forged_cancellation_takes_no_other_tenants_run_id(harness: RunnerHarness) -> None:
    await harness.apply(cancel(1, tenant_id=5))
    await harness.apply(start(1))
    (claim,) = await harness.claim()
    assert (claim.execution.run_id, claim.execution.tenant_id) == (1, 4)
    await harness.apply(cancel(1))
    assert harness.interrupted == [1]


async def test_equal_run_ids_of_two_tenants_are_claimed_and_settled_apart(harness: RunnerHarness) -> None:
    await harness.apply(start(1), start(1, tenant_id=5))
    claims = await harness.claim()
    assert sorted(claim.execution.tenant_id for claim in claims) == [4, 5]
    for number, claim in enumerate(claims, start=1):
        settlement = Settlement(run_id=1, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=OK)
        await harness.settle(settlement)
        ended = await harness.sql("SELECT tenant_id FROM executions WHERE finished_at IS NOT NULL")
        assert len(ended) == number
    finished = [message for message in await harness.new_messages() if isinstance(message, RunFinished)]
    assert sorted(message.tenant_id for message in finished) == [4, 5]


async def test_the_trace_of_the_command_continues_in_its_messages(harness: RunnerHarness) -> None:
    await harness.apply(start(1), traceparent=TRACE)
    await finish(harness, 1)
    traces = await harness.sql("SELECT traceparent FROM outbox ORDER BY id")
    assert [row.traceparent for row in traces] == [TRACE]


async def test_recorded_evidence_confirms_the_result_of_its_own_tenant_only(harness: RunnerHarness) -> None:
    await harness.apply(start(1), start(2, tenant_id=5))
    claims = {held.execution.run_id: held.lease_token for held in await harness.claim()}
    await harness.settle(
        *(
            Settlement(run_id=run, lease_token=token, observed=RunState.RUNNING, outcome=OK)
            for run, token in claims.items()
        )
    )
    await harness.apply(recorded(1), recorded(2, tenant_id=4))
    assert (await harness.row(1)).confirmed_at is not None
    assert (await harness.row(2)).confirmed_at is None
