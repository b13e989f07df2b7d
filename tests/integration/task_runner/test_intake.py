"""What comes in is kept once, answered when it comes again, and can be cancelled at any time."""

from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed, RunStarted
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.outcomes import Succeed
from task_runner.store.settling import Settled, Settlement
from tests.integration.task_runner.scene import Scene, cancel, recorded, start

OK = Succeed(status=CheckStatus.OK, reason_code="QUICK_OK", message="", payload={"a": 1})
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def finish(scene: Scene, run_id: int) -> None:
    (claim,) = [one for one in await scene.claim() if one.execution.run_id == run_id]
    answers = await scene.settle(
        Settlement(run_id=run_id, lease_token=claim.lease_token, observed=RunState.RUNNING, outcome=OK)
    )
    assert answers == [Settled()]


async def test_a_new_command_is_kept_and_says_nothing_yet(scene: Scene) -> None:
    await scene.apply(start(1))
    assert await scene.state(1) == "queued"
    assert await scene.said() == []


async def test_a_batch_with_the_same_command_twice_keeps_one_execution(scene: Scene) -> None:
    await scene.apply(start(1), start(1), start(2, tenant_id=5))
    assert [row.run_id for row in await scene.sql("SELECT run_id FROM executions ORDER BY run_id")] == [1, 2]


async def test_a_repeated_command_is_answered_with_where_the_run_stands(scene: Scene) -> None:
    await scene.apply(start(1))
    await scene.apply(start(1))
    (answer,) = await scene.said()
    assert isinstance(answer, RunProgressed)
    assert (answer.run_id, answer.state, answer.attempt, answer.resume_at) == (1, RunState.QUEUED, 0, None)


async def test_a_repeated_command_of_a_running_run_starts_nothing(scene: Scene) -> None:
    await scene.apply(start(1))
    await scene.claim()
    await scene.apply(start(1))
    assert await scene.claim() == ()
    told, answer = await scene.said()
    assert isinstance(told, RunStarted)
    assert isinstance(answer, RunProgressed) and answer.state is RunState.RUNNING


async def test_a_repeated_command_of_an_ended_run_gets_the_same_result_again(scene: Scene) -> None:
    await scene.apply(start(1))
    await finish(scene, 1)
    first = (await scene.said())[-1]
    await scene.apply(start(1))
    (again,) = await scene.said()
    assert isinstance(again, RunFinished)
    assert again == first
    assert again.payload == {"a": 1}


async def test_an_unknown_task_type_ends_at_once(scene: Scene) -> None:
    await scene.apply(start(1, "nobody.knows"))
    (told,) = await scene.said()
    assert isinstance(told, RunFinished)
    assert (told.state, told.status, told.reason_code) == (RunState.FAILED, CheckStatus.UNKNOWN, "TASK_TYPE_UNKNOWN")
    assert told.started_at is None and told.session_id == 9
    assert await scene.claim() == ()


async def test_a_task_of_a_connection_without_one_ends_at_once(scene: Scene) -> None:
    await scene.apply(start(1, "check.connection"))
    (told,) = await scene.said()
    assert isinstance(told, RunFinished)
    assert (told.state, told.status, told.reason_code) == (
        RunState.FAILED,
        CheckStatus.UNKNOWN,
        "PROVIDER_CONNECTION_MISSING",
    )


async def test_a_run_that_waits_is_cancelled_at_once_and_cannot_be_claimed(scene: Scene) -> None:
    await scene.apply(start(1))
    await scene.apply(cancel(1))
    (told,) = await scene.said()
    assert isinstance(told, RunFinished)
    assert (told.state, told.reason_code, told.attempt) == (RunState.CANCELLED, "RUN_CANCELLED", 0)
    assert await scene.claim() == ()


async def test_start_and_cancel_in_one_batch_leave_a_cancelled_run(scene: Scene) -> None:
    await scene.apply(start(1), cancel(1))
    assert await scene.state(1) == "cancelled"
    assert await scene.claim() == ()


async def test_a_running_run_that_is_cancelled_is_interrupted_here_after_the_commit(scene: Scene) -> None:
    await scene.apply(start(1))
    await scene.claim()
    await scene.said()
    await scene.apply(cancel(1))
    (told,) = await scene.said()
    assert isinstance(told, RunProgressed) and told.state is RunState.CANCELLING
    assert scene.interrupted == [1]


async def test_a_cancellation_that_overtook_its_start_still_cancels(scene: Scene) -> None:
    await scene.apply(cancel(1))
    assert await scene.said() == []
    await scene.apply(start(1), traceparent=TRACE)
    (told,) = await scene.said()
    assert isinstance(told, RunFinished)
    assert (told.state, told.task_type, told.session_id) == (RunState.CANCELLED, "check.quick", 9)
    assert await scene.claim() == ()


async def test_cancelling_an_ended_run_is_answered_with_how_it_ended(scene: Scene) -> None:
    await scene.apply(start(1))
    await finish(scene, 1)
    await scene.said()
    await scene.apply(cancel(1))
    (told,) = await scene.said()
    assert isinstance(told, RunFinished) and told.state is RunState.SUCCEEDED


async def test_another_tenants_cancellation_changes_nothing_and_learns_nothing(scene: Scene) -> None:
    await scene.apply(start(1))
    await scene.apply(cancel(1, tenant_id=5))
    assert await scene.state(1) == "queued"
    assert await scene.said() == []


async def test_the_trace_of_the_command_goes_on_in_what_is_told(scene: Scene) -> None:
    await scene.apply(start(1), traceparent=TRACE)
    await finish(scene, 1)
    traces = await scene.sql("SELECT traceparent FROM outbox ORDER BY id")
    assert [row.traceparent for row in traces] == [TRACE, TRACE]


async def test_recorded_evidence_confirms_the_result_of_its_own_tenant_only(scene: Scene) -> None:
    await scene.apply(start(1), start(2, tenant_id=5))
    claims = {one.execution.run_id: one.lease_token for one in await scene.claim()}
    await scene.settle(
        *(
            Settlement(run_id=run, lease_token=token, observed=RunState.RUNNING, outcome=OK)
            for run, token in claims.items()
        )
    )
    await scene.apply(recorded(1), recorded(2, tenant_id=4))
    assert (await scene.row(1)).confirmed_at is not None
    assert (await scene.row(2)).confirmed_at is None
