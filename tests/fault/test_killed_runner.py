"""kill -9 of the runner in the middle of one slow task."""

import pytest

from tests.support.ledger import mistakes
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.system, pytest.mark.timeout(180)]

EXECUTION = "SELECT state, attempt, losses, lease_token FROM executions WHERE run_id = $1"


async def test_the_run_ends_with_one_record_and_a_free_guard(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=4.0, times=2)
        run_id = await caller.start("example.upkeep")
        await eventually(lambda: caller.state(run_id), equals="running")
        ((state, attempt, losses, token),) = await system.rows("task_runner", EXECUTION, run_id)
        assert (state, attempt, losses) == ("running", 1, 0)

        killed = system.kill("task-runner")
        ((state, *_, token_after),) = await system.rows("task_runner", EXECUTION, run_id)
        assert (state, token_after) == ("running", token), "it died with the lease in its hand"
        assert (await caller.post("/tasks/graph.connectivity/runs")).status_code == 409, "the guard holds meanwhile"
        await system.wait_ready(instead_of={"task-runner": killed})

        run = await caller.ended(run_id, seconds=60)
        assert run["state"] == "succeeded"
        ((_, attempt, losses, token_after),) = await system.rows("task_runner", EXECUTION, run_id)
        assert (attempt, losses) == (2, 1)
        assert (await caller.evidence(run_id))["status"] == run["result"]["status"]
        await eventually(lambda: mistakes(system, {run_id: caller.tenant}), equals=[], seconds=30, every=0.2)
        assert (await caller.post("/tasks/graph.connectivity/runs")).json()["outcome"] == "created"
