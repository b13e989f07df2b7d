"""The six operations of the contract, one onboarding long, each answer held against the contract."""

import pytest

from tests.support.contract import CONTRACT, assert_as_in_contract
from tests.support.system import System

pytestmark = pytest.mark.system

SESSION = "/tenants/{tenantId}/onboarding/session"
ONE_SESSION = "/tenants/{tenantId}/onboarding/session/{sessionId}"
TASKS = "/tenants/{tenantId}/onboarding/tasks"
RUNS = "/tenants/{tenantId}/onboarding/tasks/{taskType}/runs"
EVIDENCE = "/tenants/{tenantId}/onboarding/evidence"
OURS = (
    "app.consent",
    "gdap.group_mapping",
    "gdap.relationship",
    "gdap.roles",
    "graph.connectivity",
    "identity.admin_mfa",
    "identity.baseline",
    "identity.emergency_access",
    "identity.global_admins",
    "identity.legacy_auth",
    "identity.user_consent",
    "license.inventory",
)


def test_these_are_all_operations_of_the_contract() -> None:
    operations = {(path, method) for path, item in CONTRACT["paths"].items() for method in item}

    assert operations == {
        (SESSION, "get"),
        (SESSION, "post"),
        (ONE_SESSION, "patch"),
        (TASKS, "get"),
        (RUNS, "post"),
        (EVIDENCE, "get"),
    }


async def test_without_a_session_the_answer_is_null(system: System) -> None:
    async with system.caller() as caller:
        answer = await caller.get("/session")

        assert_as_in_contract(answer, "get", SESSION)
        assert answer.json() == {"session": None}


async def test_a_session_is_created_resumed_and_read(system: System) -> None:
    async with system.caller() as caller:
        created = await caller.post("/session")
        resumed = await caller.post("/session")
        read = await caller.get("/session")

        for answer in (created, resumed):
            assert_as_in_contract(answer, "post", SESSION)
        assert_as_in_contract(read, "get", SESSION)
        assert created.json()["id"] == resumed.json()["id"] == read.json()["session"]["id"]
        session = read.json()["session"]
        expected = {"tenant_id": caller.tenant, "status": "draft", "current_step": 1, "locked_by_user_id": 7}
        assert {name: session[name] for name in expected} == expected


async def test_a_session_is_changed_and_handed_over(system: System) -> None:
    async with system.caller() as first, system.caller(first.tenant, user=8) as second:
        session = (await first.post("/session")).json()
        connection = await first.connect("healthy")
        await first.ended(await first.start("gdap.relationship"))
        change = {"current_step": 2, "assigned_to_user_id": 8, "provider_connection_id": connection}
        changed = await first.patch(f"/session/{session['id']}", json=change)
        refused = await second.patch(f"/session/{session['id']}", json={})
        taken = await second.patch(f"/session/{session['id']}", json={"takeover": True})

        assert_as_in_contract(changed, "patch", ONE_SESSION)
        assert_as_in_contract(taken, "patch", ONE_SESSION)
        body = changed.json()
        expected = {**change, "status": "in_progress", "locked_by_user_id": 7}
        assert {name: body[name] for name in expected} == expected
        assert (refused.status_code, refused.json()["code"]) == (409, "EDIT_LOCKED")
        assert taken.json()["locked_by_user_id"] == 8


async def test_a_started_task_appears_in_tasks_runs_and_evidence(system: System) -> None:
    async with system.caller() as caller:
        session = (await caller.post("/session")).json()
        connection = await caller.connect("healthy")
        before = await caller.get("/tasks")
        started = await caller.post("/tasks/graph.connectivity/runs")
        link = started.json()
        run = await caller.ended(link["run_id"])
        item = await caller.evidence(link["run_id"])
        after = await caller.get("/tasks")
        evidence = await caller.get("/evidence?taskType=graph.connectivity")

        for tasks in (before, after):
            assert_as_in_contract(tasks, "get", TASKS)
            assert set(OURS) <= {task["task_type"] for task in tasks.json()}
        assert {task["status"] for task in before.json()} == {"unknown"}
        assert all(task["reason_code"] for task in before.json()), "never run has a reason"
        assert_as_in_contract(started, "post", RUNS)
        assert started.headers["location"] == link["url"]
        assert (await caller.http.get(link["url"])).json() == await caller.run(link["run_id"])
        assert (run["state"], run["result"]["status"]) == ("succeeded", "ok")
        (task,) = [task for task in after.json() if task["task_type"] == "graph.connectivity"]
        assert (task["status"], task["reason_code"], task["last_run_id"]) == ("ok", "GRAPH_OK", link["run_id"])
        assert_as_in_contract(evidence, "get", EVIDENCE)
        assert [record["id"] for record in evidence.json()] == [item["id"]]
        expected = {
            "tenant_id": caller.tenant,
            "onboarding_session_id": session["id"],
            "provider_connection_id": connection,
            "operation_run_id": link["run_id"],
            "status": "ok",
        }
        assert {name: item[name] for name in expected} == expected


async def test_evidence_comes_newest_first_and_by_task_type(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy")
        runs = []
        for task_type in ("graph.connectivity", "license.inventory", "graph.connectivity"):
            runs.append(await caller.start(task_type))
            await caller.ended(runs[-1])
            await caller.evidence(runs[-1])

        everything = await caller.get("/evidence")
        licences = await caller.get("/evidence", params={"taskType": "license.inventory"})
        nothing = await caller.get("/evidence", params={"taskType": "no.such_task"})

        assert_as_in_contract(everything, "get", EVIDENCE)
        assert [record["operation_run_id"] for record in everything.json()] == runs[::-1]
        assert [record["operation_run_id"] for record in licences.json()] == [runs[1]]
        assert nothing.json() == []


async def test_a_start_that_is_in_the_way_of_another_is_refused_as_in_the_contract(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=1.0)
        await caller.start("example.upkeep")
        refused = await caller.post("/tasks/graph.connectivity/runs")

        assert refused.status_code == 409
        assert_as_in_contract(refused, "post", RUNS)
