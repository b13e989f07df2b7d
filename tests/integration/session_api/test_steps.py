"""Steps over HTTP: their readiness, and the start of all tasks of a step."""

from typing import Any

import httpx2
import pytest

from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.contracts.types import Mode, Scope
from tests.integration.session_api.service import TENANT, Api, declaration

STEPS = f"/tenants/{TENANT}/onboarding/steps"


async def start_step(api: Api, step: int, body: Any = None) -> httpx2.Response:
    return await api.caller().post(f"{STEPS}/{step}/runs", **({} if body is None else {"json": body}))


async def test_the_steps_are_listed_in_order_with_their_needs(api: Api) -> None:
    await api.run_to_end("graph.connectivity", "warn")
    run_id = await api.run_to_end("app.consent", "fail")
    steps = (await api.caller().get(STEPS)).json()

    assert [step["step"] for step in steps] == [1, 2, 3, 4, 5]
    assert [step["can_be_left"] for step in steps] == [True, False, False, False, False]
    assert steps[1]["counts"] == {"ok": 0, "warn": 0, "fail": 1, "unknown": 3}
    [missing] = steps[1]["missing"]
    assert (missing["task_type"], missing["status"], missing["last_run_id"]) == ("app.consent", "fail", run_id)


async def test_the_required_tasks_of_a_step_start_in_one_call(api: Api) -> None:
    answer = await start_step(api, 2)

    assert answer.status_code == 200
    [start] = answer.json()
    assert (start["task_type"], start["outcome"]) == ("app.consent", "started")
    assert (await api.caller().get(start["url"])).json()["state"] == "queued"


async def test_optional_tasks_that_only_read_start_when_asked_for(api: Api) -> None:
    answer = await start_step(api, 2, {"include_optional": True})

    assert [(start["task_type"], start["outcome"]) for start in answer.json()] == [
        ("app.consent", "started"),
        ("app.optional", "started"),
    ]


async def test_all_tasks_of_a_step_are_committed_together(api: Api) -> None:
    await start_step(api, 2, {"include_optional": True})
    transactions = await api.rows("SELECT count(*), count(DISTINCT xmin::text) FROM operation_runs")

    assert transactions == [(2, 1)]
    assert await api.outbox_messages() == [("StartTask", TENANT), ("StartTask", TENANT)]


async def test_what_is_active_already_is_reused(api: Api) -> None:
    active = (await api.start("app.consent")).json()["run_id"]
    first, second = (await start_step(api, 2, {"include_optional": True})).json()

    assert (first["outcome"], first["run_id"]) == ("reused", active)
    assert second["outcome"] == "started"


async def test_what_is_blocked_says_by_which_run(api: Api) -> None:
    blocking = (await api.start("app.grant")).json()
    [start] = (await start_step(api, 2)).json()

    assert (start["outcome"], start["code"], start["run_id"], start["url"]) == ("blocked", "BLOCKED_BY_RUN", None, None)
    assert start["blocking_run"]["run_id"] == blocking["run_id"]
    assert start["next"].startswith("Another run must end first")


async def test_an_exclusive_task_does_not_prevent_others_of_its_step(api: Api) -> None:
    await api.consume(
        TaskTypesAnnounced(tenant_id=0, task_types=(declaration("app.always", step=2, mode=Mode.EXCLUSIVE),))
    )

    assert [(start["task_type"], start["outcome"]) for start in (await start_step(api, 2)).json()] == [
        ("app.consent", "started"),
        ("app.always", "blocked"),
    ]


async def test_a_disabled_connection_refuses_every_task(api: Api) -> None:
    connection = await api.connection()
    await api.caller().post(f"/tenants/{TENANT}/onboarding/provider-connections/{connection}/disable")
    answers = (await start_step(api, 2, {"include_optional": True, "provider_connection_id": connection})).json()

    assert {(start["outcome"], start["code"]) for start in answers} == {("refused", "CONNECTION_DISABLED")}
    assert await api.outbox_messages() == []


async def test_the_named_connection_is_used_by_every_task(api: Api) -> None:
    more = declaration("graph.more", step=1, scope=Scope.CONNECTION)
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(more,)))
    await api.connection("one")
    wanted = await api.connection("two")
    await start_step(api, 1, {"provider_connection_id": wanted})

    assert await api.rows("SELECT DISTINCT provider_connection_id FROM operation_runs") == [(wanted,)]


async def test_a_step_without_tasks_starts_nothing(api: Api) -> None:
    await api.rows("DELETE FROM task_types WHERE step = 5")
    answer = await start_step(api, 5)

    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize("step", [6, 99])
async def test_there_is_no_sixth_step(api: Api, step: int) -> None:
    answer = await start_step(api, step)

    assert (answer.status_code, answer.json()["code"]) == (404, "STEP_NOT_FOUND")
