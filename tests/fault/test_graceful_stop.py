"""SIGTERM in the middle of work: the lease is given back at once, and the successor ends the run."""

import signal

import pytest

from tests.support.ledger import mistakes
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.fault, pytest.mark.system, pytest.mark.timeout(180)]

LEASE = "SELECT state, lease_expires_at, attempt, losses FROM executions WHERE run_id = $1"


async def test_a_stopping_runner_returns_its_leases_and_the_run_ends(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=18.0, times=1)
        run_id = await caller.start("graph.connectivity")
        await eventually(lambda: caller.state(run_id), equals="running")
        await eventually(lambda: _graph_was_asked(system, caller.external_tenant))
        stopped = system.kill("task-runner", signal.SIGTERM)
        ((state, expires, *_),) = await system.rows("task_runner", LEASE, run_id)

        assert (state, expires) == ("waiting", None), "given back by the one that stopped, before its successor came"
        await system.wait_ready(instead_of={"task-runner": stopped})
        run = await caller.ended(run_id, seconds=60)
        ((*_, attempt, losses),) = await system.rows("task_runner", LEASE, run_id)
        assert (run["state"], run["result"]["status"]) == ("succeeded", "ok")
        assert (attempt, losses) == (2, 0)
        await eventually(lambda: mistakes(system, {run_id: caller.tenant}), equals=[], seconds=30, every=0.2)


async def _graph_was_asked(system: System, external_tenant: str) -> bool:
    async with system.caller() as anybody:
        shown = await anybody.http.get(f"{system.journal['graph']}/_control/tenants/{external_tenant}")
        return bool(shown.json()["graph_requests"])
