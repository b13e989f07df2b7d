"""The projection of the runner's messages: repeats, outdated messages and messages of unknown runs are ignored."""

from datetime import UTC, datetime

from onboarding_shared.contracts.task_runner import RunProgressed, RunStarted
from onboarding_shared.contracts.types import RunState
from tests.integration.session_api.service import TENANT, Api

TASK = "license.inventory"


async def state_of(api: Api, run_id: int) -> str:
    return str((await api.caller().get(f"/tenants/{TENANT}/onboarding/runs/{run_id}")).json()["state"])


async def started(api: Api) -> int:
    return int((await api.start(TASK)).json()["run_id"])


async def test_a_result_three_times_leaves_the_same_run(api: Api) -> None:
    run_id = await started(api)
    for _ in range(3):
        await api.finish(run_id, TASK, "ok")

    assert await state_of(api, run_id) == "succeeded"


async def test_old_news_does_not_reopen_an_ended_run(api: Api) -> None:
    run_id = await started(api)
    await api.finish(run_id, TASK, "ok")
    await api.begin(run_id, TASK, attempt=2)

    assert await state_of(api, run_id) == "succeeded"


async def test_a_second_different_result_does_not_change_the_first(api: Api) -> None:
    run_id = await started(api)
    await api.finish(run_id, TASK, "ok")
    await api.finish(run_id, TASK, "fail", state=RunState.FAILED)

    assert await state_of(api, run_id) == "succeeded"


async def test_news_from_before_the_cancellation_does_not_undo_it(api: Api) -> None:
    run_id = await started(api)
    await api.caller().post(f"/tenants/{TENANT}/onboarding/runs/{run_id}/cancel")
    await api.begin(run_id, TASK)

    assert await state_of(api, run_id) == "cancelling"


async def test_a_result_may_skip_the_beginning(api: Api) -> None:
    run_id = await started(api)
    await api.finish(run_id, TASK, "ok")

    assert await state_of(api, run_id) == "succeeded"


async def test_a_message_of_an_older_attempt_is_ignored(api: Api) -> None:
    run_id = await started(api)
    await api.begin(run_id, TASK, attempt=2)
    await api.consume(RunProgressed(tenant_id=TENANT, run_id=run_id, task_type=TASK, attempt=1, state=RunState.WAITING))

    assert await state_of(api, run_id) == "running"


async def test_news_of_a_run_that_nobody_knows_is_passed_over(api: Api) -> None:
    run_id = await started(api)
    await api.finish(987654, TASK, "ok")
    await api.finish(run_id, TASK, "ok", tenant_id=43)

    assert await state_of(api, run_id) == "queued"


async def test_one_batch_takes_a_run_through_all_states(api: Api) -> None:
    run_id, other = await started(api), int((await api.start("app.consent")).json()["run_id"])
    about = {"tenant_id": TENANT, "run_id": run_id, "task_type": TASK, "attempt": 1}
    other_about = {"tenant_id": TENANT, "run_id": other, "task_type": "app.consent", "attempt": 1}
    at = datetime(2026, 11, 24, tzinfo=UTC)
    await api.consume(
        RunStarted(**about, started_at=at),
        RunStarted(**other_about, started_at=at),
        RunProgressed(**about, state=RunState.WAITING),
        RunStarted(**{**about, "attempt": 2}, started_at=at),
    )

    assert await state_of(api, run_id) == "running"
    assert await state_of(api, other) == "running"
