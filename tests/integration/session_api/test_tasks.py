"""The list of tasks and the catalogue."""

from typing import Any

import pytest

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.task_runner import DeclaredReason, TaskTypesAnnounced, UnusableTasks
from onboarding_shared.contracts.types import RunState
from session_api.app import build
from session_api.settings import SessionApiSettings
from tests.integration.session_api.service import CATALOGUE, TENANT, Api, declaration

TASKS = f"/tenants/{TENANT}/onboarding/tasks"

PLATFORM = ("onboarding.platform",)


async def summary(api: Api, task_type: str) -> dict[str, Any]:
    tasks = (await api.caller().get(TASKS)).json()
    return next(task for task in tasks if task["task_type"] == task_type)


async def test_every_registered_task_type_is_listed_by_step(api: Api) -> None:
    answer = await api.caller().get(TASKS)

    assert answer.status_code == 200
    assert [task["task_type"] for task in answer.json()] == [
        "graph.connectivity",
        "app.consent",
        "app.grant",
        "app.optional",
        "app.other_grant",
        "license.inventory",
        "identity.baseline",
        "identity.global_admins",
    ]


async def test_a_task_that_never_ran_is_unknown_with_a_reason(api: Api) -> None:
    assert await summary(api, "app.consent") == {
        "task_type": "app.consent",
        "status": "unknown",
        "reason_code": "NEVER_RUN",
        "message": "This task has not been run yet.",
        "last_run_id": None,
        "remediation": "Start the task.",
        "expires_at": None,
        "provider_connection_id": None,
        "step": 2,
        "title": "app.consent",
        "description": "",
        "required": True,
        "last_run_at": None,
        "active_run": None,
        "blocked_by": None,
        "unusable": False,
    }


async def test_the_latest_finished_run_gives_the_status(api: Api) -> None:
    await api.run_to_end("app.consent", "fail")
    latest = await api.run_to_end("app.consent", "warn")
    task = await summary(api, "app.consent")

    assert {name: value for name, value in task.items() if name not in ("expires_at", "last_run_at")} == {
        "task_type": "app.consent",
        "status": "warn",
        "reason_code": "DONE",
        "message": "app.consent is warn",
        "last_run_id": latest,
        "remediation": None,
        "provider_connection_id": None,
        "step": 2,
        "title": "app.consent",
        "description": "",
        "required": True,
        "active_run": None,
        "blocked_by": None,
        "unusable": False,
    }


async def test_a_task_that_runs_does_not_ask_to_be_started(api: Api) -> None:
    run_id = (await api.start("app.consent")).json()["run_id"]
    task = await summary(api, "app.consent")
    assert (task["status"], task["remediation"]) == ("unknown", None)
    assert task["active_run"]["id"] == run_id


async def test_a_task_names_the_run_that_blocks_it(api: Api) -> None:
    run_id = (await api.start("app.consent")).json()["run_id"]

    assert (await summary(api, "app.grant"))["blocked_by"] == {"run_id": run_id, "task_type": "app.consent"}
    assert (await summary(api, "license.inventory"))["blocked_by"] is None
    assert (await summary(api, "app.consent"))["blocked_by"] is None


async def test_a_task_that_waits_says_what_helps(api: Api) -> None:
    await api.start("app.consent")
    await api.rows("UPDATE operation_runs SET state = 'waiting', reason_code = 'CONSENT_MISSING'")
    task = await summary(api, "app.consent")
    assert (task["reason_code"], str(task["remediation"])[:24]) == ("NEVER_RUN", "Create the consent link ")


async def test_the_status_comes_with_what_to_do_about_it(api: Api) -> None:
    run_id = (await api.start("app.consent")).json()["run_id"]
    await api.finish(run_id, "app.consent", "fail", reason_code="CONSENT_MISSING")
    needed = (
        "Create the consent link (`POST …/consent-requests`) and send it to an administrator of the customer. Without "
        "effect, make sure that the registration is for several tenants and in the connection's cloud."
    )

    assert (await summary(api, "app.consent"))["remediation"] == needed
    run = (await api.caller().get(f"/tenants/{TENANT}/onboarding/runs/{run_id}")).json()
    assert run["result"]["remediation"] == needed


async def test_an_unfinished_run_is_the_last_but_leaves_the_status(api: Api) -> None:
    await api.run_to_end("app.consent", "ok")
    running = (await api.start("app.consent")).json()["run_id"]
    task = await summary(api, "app.consent")

    assert (task["status"], task["last_run_id"]) == ("ok", running)


async def test_an_unfinished_first_run_leaves_the_task_unknown(api: Api) -> None:
    running = (await api.start("app.consent")).json()["run_id"]
    task = await summary(api, "app.consent")

    assert (task["status"], task["reason_code"], task["last_run_id"]) == ("unknown", "NEVER_RUN", running)


async def test_a_cancelled_run_does_not_change_the_task(api: Api) -> None:
    await api.run_to_end("app.consent", "ok")
    run_id = (await api.start("app.consent")).json()["run_id"]
    await api.caller().post(f"/tenants/{TENANT}/onboarding/runs/{run_id}/cancel")
    await api.finish(run_id, "app.consent", "unknown", state=RunState.CANCELLED)
    task = await summary(api, "app.consent")

    assert (task["status"], task["last_run_id"]) == ("ok", run_id)


async def test_a_run_that_timed_out_makes_the_task_unknown(api: Api) -> None:
    await api.run_to_end("app.consent", "ok")
    run_id = (await api.start("app.consent")).json()["run_id"]
    reason = "TIME_LIMIT_EXCEEDED"
    await api.finish(run_id, "app.consent", "unknown", state=RunState.TIMED_OUT, reason_code=reason)

    assert (await summary(api, "app.consent"))["reason_code"] == "TIME_LIMIT_EXCEEDED"


async def test_other_tenants_runs_do_not_count(api: Api) -> None:
    await api.run_to_end("app.consent", "ok")
    tasks = (await api.caller(7, tenants=[43]).get("/tenants/43/onboarding/tasks")).json()

    assert {task["status"] for task in tasks} == {"unknown"}


async def test_the_catalogue_shows_each_declaration(api: Api) -> None:
    answer = await api.caller().get("/onboarding/task-types")

    assert answer.status_code == 200
    assert answer.json()[0] == {
        "name": "graph.connectivity",
        "title": "graph.connectivity",
        "description": "",
        "step": 1,
        "scope": "connection",
        "mode": "shared",
        "required": True,
        "permissions": [],
        "licence": None,
        "time_limit_seconds": 60.0,
        "max_attempts": 1,
        "fresh_seconds": 604800.0,
        "wait_limit_seconds": 2592000.0,
        "distribution": "",
        "version": "",
        "inputs_schema": None,
        "supports_dry_run": False,
        "inputs_from": {},
        "unusable": False,
        "reasons": [],
    }


async def test_the_reason_codes_have_a_remediation(api: Api) -> None:
    answer = await api.caller(tenants=[], permissions=[]).get("/onboarding/reason-codes")

    assert answer.status_code == 200
    assert next(code for code in answer.json() if code["code"] == "GRAPH_THROTTLED") == {
        "code": "GRAPH_THROTTLED",
        "status": "unknown",
        "meaning": "Microsoft Graph throttled the requests during all attempts.",
        "retryable": True,
        "remediation": "Start the task again later.",
        "link": "https://learn.microsoft.com/graph/throttling",
    }


async def test_a_declared_reason_code_has_its_words_everywhere(api: Api) -> None:
    done = DeclaredReason(code="DONE", meaning="All is done.", remediation="Rest a while.")
    declared = declaration("app.optional", step=2, required=False, reasons=(done,))
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(declared,)))
    run_id = await api.run_to_end("app.optional")
    caller, below = api.caller(), f"/tenants/{TENANT}/onboarding"
    codes = (await caller.get("/onboarding/reason-codes")).json()
    types = (await caller.get("/onboarding/task-types")).json()
    run = (await caller.get(f"{below}/runs/{run_id}")).json()
    (listed,) = (await caller.get(f"{below}/runs")).json()
    (of_all,) = (await caller.get("/onboarding/runs")).json()
    (task,) = [task for task in (await caller.get(f"{below}/tasks")).json() if task["task_type"] == "app.optional"]

    assert codes[-1] == {
        "code": "DONE",
        "status": None,
        "meaning": "All is done.",
        "retryable": False,
        "remediation": "Rest a while.",
        "link": None,
    }
    assert [declared["reasons"][0]["code"] for declared in types if declared["reasons"]] == ["DONE"]
    remediations = [task["remediation"], *(shown["result"]["remediation"] for shown in (run, listed, of_all))]
    assert remediations == ["Rest a while."] * 4


async def test_a_new_announcement_changes_a_declaration(api: Api) -> None:
    changed = declaration("app.optional", step=4, title="Something optional")
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(changed,)))
    types = (await api.caller().get("/onboarding/task-types")).json()

    assert next(
        (task_type["step"], task_type["title"]) for task_type in types if task_type["name"] == "app.optional"
    ) == (
        4,
        "Something optional",
    )


async def test_a_second_runner_adds_its_task_types(api: Api) -> None:
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(declaration("partner.check"),)))
    types = (await api.caller().get("/onboarding/task-types")).json()

    assert len(types) == len(CATALOGUE) + 1


async def test_a_task_type_that_no_runner_announces_is_removed(api: Api) -> None:
    await api.rows("UPDATE task_types SET announced_at = now() - interval '16 minutes' WHERE name = 'app.optional'")
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE[:2]))
    types = (await api.caller().get("/onboarding/task-types")).json()

    assert "app.optional" not in {task_type["name"] for task_type in types}
    assert "license.inventory" in {task_type["name"] for task_type in types}


async def announced(api: Api, name: str) -> dict[str, Any]:
    types = (await api.caller().get("/onboarding/task-types")).json()
    return next((task_type for task_type in types if task_type["name"] == name), {})


@pytest.mark.parametrize("change", [{"required": False}, {"step": 5}, {"fresh_seconds": 1e9}])
async def test_no_announcement_makes_a_required_task_type_less_strict(api: Api, change: dict[str, Any]) -> None:
    before = await announced(api, "app.consent")
    relaxed = declaration("app.consent", **{"step": 2, **change}, description="new")
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(relaxed,)))
    assert await announced(api, "app.consent") == before | {"description": "new"}
    assert await api.rows("SELECT required, step FROM task_types WHERE name = 'app.consent'") == [(True, 2)]


async def test_an_announcement_may_make_a_required_task_type_stricter(api: Api) -> None:
    stricter = declaration("app.consent", step=1, fresh_seconds=60.0)
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(stricter,)))
    assert (await announced(api, "app.consent"))["step"] == 1


async def test_a_required_task_type_that_no_runner_announces_stays(api: Api) -> None:
    await api.rows("UPDATE task_types SET announced_at = now() - interval '16 minutes' WHERE name <> 'app.optional'")
    for _ in range(2):
        await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(declaration("evil.only", required=False),)))
    required = {declared.name for declared in CATALOGUE if declared.required}
    names = {row[0] for row in await api.rows("SELECT name FROM task_types WHERE required")}
    assert names == required


async def test_a_released_task_type_is_obeyed(settings: SessionApiSettings, identity: Identity) -> None:
    released = settings.model_copy(update={"released_task_types": ("app.consent", "license.inventory")})
    api = Api(build(released), released, identity)
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE))
    await api.rows(
        "UPDATE task_types SET announced_at = now() - interval '16 minutes' WHERE name = 'license.inventory'"
    )
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(declaration("app.consent", required=False),)))
    assert not (await announced(api, "app.consent"))["required"]
    assert await announced(api, "license.inventory") == {}
    await api.close()


async def test_after_a_pause_of_all_runners_no_type_is_removed(api: Api) -> None:
    await api.rows("UPDATE task_types SET announced_at = now() - interval '5 days'")
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=CATALOGUE[:2]))
    types = (await api.caller().get("/onboarding/task-types")).json()

    assert len(types) == len(CATALOGUE)


async def test_a_task_that_cannot_be_run_is_told(api: Api) -> None:
    problem = "Task 'app.optional': ONBOARDING_TASK_APP_URL is not set."
    api.service.feed.announced = TaskTypesAnnounced(
        tenant_id=0,
        task_types=tuple(declared for declared in CATALOGUE if declared.name != "app.optional"),
        unusable=(UnusableTasks(distribution="acme", task_types=("app.optional",), problem=problem),),
    )
    types = (await api.caller().get("/onboarding/task-types")).json()
    tasks = (await api.caller().get(f"/tenants/{TENANT}/onboarding/tasks")).json()
    answer = await api.caller(permissions=PLATFORM).get("/onboarding/unusable-tasks")

    assert [task["task_type"] for task in tasks if task["unusable"]] == ["app.optional"]
    assert [declared["name"] for declared in types if declared["unusable"]] == ["app.optional"]
    assert answer.json() == [{"distribution": "acme", "task_types": ["app.optional"], "problem": problem}]


async def test_problems_of_tasks_are_for_operators(api: Api) -> None:
    answer = await api.caller().get("/onboarding/unusable-tasks")

    assert (answer.status_code, answer.json()["permission"]) == (403, "onboarding.platform")


async def test_before_an_announcement_unusable_tasks_are_not_known(api: Api) -> None:
    types = (await api.caller().get("/onboarding/task-types")).json()
    answer = await api.caller(permissions=PLATFORM).get("/onboarding/unusable-tasks")

    assert {declared["unusable"] for declared in types} == {False}
    assert (answer.status_code, answer.json()["code"]) == (503, "DEPENDENCY_DOWN")
    assert answer.headers["Retry-After"] == "60"
