"""A retry is a start with the inputs of a run that has ended."""

import httpx2
import pytest

from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.session_api import StartTask
from onboarding_shared.contracts.types import RunState
from tests.integration.session_api.service import TENANT, Api

RUNS = f"/tenants/{TENANT}/onboarding/runs"
TASK = "graph.connectivity"


async def retry(api: Api, run_id: int, *, user: int = 7) -> httpx2.Response:
    return await api.caller(user).post(f"{RUNS}/{run_id}/retry")


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT])
async def test_a_retry_is_a_new_run_with_its_predecessor_named(api: Api, state: RunState) -> None:
    first = (await api.start(TASK)).json()["run_id"]
    await api.finish(first, TASK, "unknown", state=state)
    answer = await retry(api, first, user=8)
    second = answer.json()

    assert (answer.status_code, second["outcome"]) == (201, "created")
    assert answer.headers["location"] == second["url"]
    run = (await api.caller().get(second["url"])).json()
    assert (run["id"], run["task_type"], run["retry_of_run_id"]) == (second["run_id"], TASK, first)
    assert (run["state"], run["requested_by_user_id"]) == ("queued", 8)


async def test_a_run_that_was_started_by_hand_retries_nothing(api: Api) -> None:
    first = (await api.start(TASK)).json()

    assert (await api.caller().get(first["url"])).json()["retry_of_run_id"] is None


async def test_a_retry_works_on_the_connection_of_the_old_run(api: Api) -> None:
    used = await api.connection("used")
    first = (await api.start(TASK, {"provider_connection_id": used})).json()["run_id"]
    await api.finish(first, TASK, "fail")
    await api.connection("another")
    await api.rows("DELETE FROM outbox")
    await retry(api, first)
    [[data]] = await api.rows("SELECT data FROM outbox")
    command = decode_data("onboarding.task-commands.v1", bytes(data))

    assert isinstance(command, StartTask)
    assert command.connection is not None
    assert (command.task_type, command.connection.id) == (TASK, used)


async def test_a_connection_that_was_disabled_since_is_not_used_again(api: Api) -> None:
    used = await api.connection()
    first = await api.run_to_end(TASK, "fail")
    await api.caller().post(f"/tenants/{TENANT}/onboarding/provider-connections/{used}/disable")
    answer = await retry(api, first)

    assert (answer.status_code, answer.json()["code"]) == (409, "CONNECTION_DISABLED")


async def test_retrying_twice_gives_one_run(api: Api) -> None:
    first = await api.run_to_end(TASK, "fail")
    second, third = await retry(api, first), await retry(api, first)

    assert third.status_code == 201
    assert third.json() == {**second.json(), "outcome": "reused"}


async def test_a_retry_is_blocked_by_what_blocks_a_start(api: Api) -> None:
    first = await api.run_to_end(TASK, "fail")
    blocking = (await api.start("app.grant")).json()["run_id"]
    answer = await retry(api, first)

    assert (answer.status_code, answer.json()["code"]) == (409, "BLOCKED_BY_RUN")
    assert answer.json()["blocking_run"]["run_id"] == blocking


async def test_a_run_that_has_not_ended_is_not_retried(api: Api) -> None:
    first = (await api.start(TASK)).json()["run_id"]
    answer = await retry(api, first)

    assert (answer.status_code, answer.json()["code"]) == (409, "RUN_NOT_ENDED")
    assert answer.json()["state"] == "queued"


async def test_a_cancelled_run_can_be_retried(api: Api) -> None:
    first = (await api.start(TASK)).json()["run_id"]
    await api.caller().post(f"{RUNS}/{first}/cancel")
    await api.finish(first, TASK, "unknown", state=RunState.CANCELLED)

    assert (await retry(api, first)).status_code == 201


async def test_a_run_that_is_not_there_is_not_retried(api: Api) -> None:
    answer = await retry(api, 987654)

    assert (answer.status_code, answer.json()["code"]) == (404, "RUN_NOT_FOUND")


async def test_what_no_runner_can_run_any_more_is_not_retried(api: Api) -> None:
    first = await api.run_to_end(TASK)
    await api.rows("DELETE FROM task_types WHERE name = :name", name=TASK)
    answer = await retry(api, first)

    assert (answer.status_code, answer.json()["code"]) == (404, "TASK_TYPE_UNKNOWN")
