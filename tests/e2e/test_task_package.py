"""A platform team's package, installed beside the runner and nowhere else: its tasks are tasks like all others."""

import pytest

from tests.support.contract import assert_as_in_contract
from tests.support.system import System

pytestmark = pytest.mark.system


async def test_its_task_is_in_the_catalogue_runs_and_leaves_evidence(system: System) -> None:
    async with system.caller() as caller:
        catalogue = {
            task_type["name"]: task_type for task_type in (await caller.http.get("/onboarding/task-types")).json()
        }
        await caller.connect("healthy")
        run_id = await caller.start("example.domains")
        run = await caller.ended(run_id)
        item = await caller.evidence(run_id)
        tasks = await caller.get("/tasks")

        declared = catalogue["example.domains"]
        assert (declared["distribution"], declared["version"]) == ("example-onboarding-tasks", "2.5.0")
        assert (run["state"], run["result"]["status"]) == ("succeeded", "ok")
        assert (item["task_type"], item["reason_code"]) == ("example.domains", "DOMAINS_FOUND")
        assert item["payload"]["domains"]
        assert_as_in_contract(tasks, "get", "/tenants/{tenantId}/onboarding/tasks")
        (summary,) = [state for state in tasks.json() if state["task_type"] == "example.domains"]
        assert (summary["status"], summary["last_run_id"]) == ("ok", run_id)


async def test_the_wizard_waits_for_its_required_task(system: System) -> None:
    async with system.caller() as caller:
        session = (await caller.post("/session")).json()["id"]
        await caller.connect("healthy")
        await caller.ended(await caller.start("gdap.relationship"))
        await caller.patch(f"/session/{session}", json={"current_step": 2})
        for task_type in ("gdap.roles", "gdap.group_mapping"):
            await caller.ended(await caller.start(task_type))
        refused = await caller.patch(f"/session/{session}", json={"current_step": 3})
        await caller.ended(await caller.start("example.domains"))
        moved = await caller.patch(f"/session/{session}", json={"current_step": 3})

        assert (refused.status_code, refused.json()["code"]) == (409, "STEP_NOT_READY")
        assert refused.json()["tasks"] == [{"task_type": "example.domains", "status": "unknown"}]
        assert (moved.status_code, moved.json()["current_step"]) == (200, 3)
