"""Looking before a start, starting all tasks of a step, and starting again what has ended, on the running system."""

import pytest

from tests.support.caller import Caller
from tests.support.system import System

pytestmark = pytest.mark.system

TASK = "identity.emergency_access"


async def looked_at(caller: Caller) -> dict[str, str]:
    answer = await caller.post(f"/tasks/{TASK}/runs", json={"validate_only": True})
    assert answer.status_code == 200, answer.text
    return {finding["check"]: finding["status"] for finding in answer.json()["findings"]}


async def test_what_a_start_lacks_is_unknown_until_evidence_tells(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy")
        assert await looked_at(caller) == {
            "connection": "ok",
            "guard": "ok",
            "permissions": "unknown",
            "licence": "unknown",
        }
        for task_type in ("app.consent", "license.inventory"):
            await caller.evidence(await caller.start(task_type))

        assert set((await looked_at(caller)).values()) == {"ok"}
        assert (await caller.get("/runs?taskType=" + TASK)).json() == []


async def test_a_missing_licence_is_reported_before_the_start(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("unlicensed")
        await caller.evidence(await caller.start("license.inventory"))

        assert (await looked_at(caller))["licence"] == "missing"


async def test_a_step_is_done_with_one_call(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy")
        answer = await caller.post("/steps/4/runs")
        assert {start["outcome"] for start in answer.json()} == {"started"}
        for start in answer.json():
            await caller.ended(start["run_id"])
        (step,) = [state for state in (await caller.get("/steps")).json() if state["step"] == 4]

        assert (step["can_be_left"], step["missing"], step["counts"]["ok"]) == (True, [], 2)


async def test_a_failed_check_is_retried_after_the_tenant_changes(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("wrong-tenant")
        first = await caller.start("graph.connectivity")
        assert (await caller.ended(first))["result"]["status"] == "fail"
        await caller.behave("healthy")
        again = (await caller.post(f"/runs/{first}/retry")).json()["run_id"]
        run = await caller.ended(again)

        assert (run["retry_of_run_id"], run["result"]["status"]) == (first, "ok")
