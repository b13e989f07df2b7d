"""A run that waits for something outside outlives every process."""

import pytest

from tests.support.ledger import mistakes
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.system, pytest.mark.timeout(240)]

ALL = ("task-runner", "session-api", "evidence-store", "broker", "postgres")
EXECUTION = "SELECT attempt, excused, losses FROM executions WHERE run_id = $1"
STATE = "SELECT state FROM executions WHERE run_id = $1"
EVIDENCE = "SELECT count(*) FROM evidence WHERE run_id = $1"
INITIAL = {"name": "contoso.onmicrosoft.com", "isInitial": True, "isDefault": True}
OWN = {"name": "contoso.example", "isInitial": False, "isDefault": False}


async def test_a_waiting_run_survives_the_kill_of_every_process(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy", overrides={"/organization": [{"verifiedDomains": [INITIAL]}]})
        run_id = await caller.start("example.own_domain")
        await eventually(lambda: caller.state(run_id), equals="waiting")
        waiting = (await caller.run(run_id))["waiting"]

        killed = {name: system.kill(name) for name in ALL}
        await system.wait_ready(instead_of=killed)
        ((attempts, *_),) = await system.rows("task_runner", EXECUTION, run_id)
        again = (await caller.post("/tasks/example.own_domain/runs")).json()
        await eventually(lambda: _attempts(system, run_id, more_than=attempts))
        await caller.behave("healthy", overrides={"/organization": [{"verifiedDomains": [INITIAL, OWN]}]})
        run = await caller.ended(run_id, seconds=60)

        assert (waiting["reason_code"], waiting["resume_at"] is not None) == ("DOMAIN_PENDING", True)
        assert (again["outcome"], again["run_id"]) == ("reused", run_id), "its guard was kept"
        assert (run["state"], run["result"]["reason_code"]) == ("succeeded", "DOMAIN_OWN")
        ((attempts, excused, _),) = await system.rows("task_runner", EXECUTION, run_id)
        assert attempts - excused == 1, "waiting used up no attempt"
        assert (await caller.evidence(run_id))["payload"]["domains"] == ["contoso.example"]
        await eventually(lambda: mistakes(system, {run_id: caller.tenant}), equals=[], seconds=30, every=0.2)


async def test_a_waiting_run_is_cancelled_at_once_without_evidence(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy", overrides={"/organization": [{"verifiedDomains": [INITIAL]}]})
        run_id = await caller.start("example.own_domain")
        await eventually(lambda: caller.state(run_id), equals="waiting")
        first, second = [await caller.post(f"/runs/{run_id}/cancel") for _ in range(2)]
        run = await caller.ended(run_id)

        assert (first.is_success, second.is_success) == (True, True)
        assert run["state"] == "cancelled"
        assert await system.value("task_runner", STATE, run_id) == "cancelled"
        assert await system.value("evidence_store", EVIDENCE, run_id) == 0


async def _attempts(system: System, run_id: int, *, more_than: int) -> bool:
    ((attempts, *_),) = await system.rows("task_runner", EXECUTION, run_id)
    return bool(attempts > more_than)
