"""One trace from the caller's request to the evidence: in events and in log lines."""

import json

import pytest

from tests.support.outside_reader import read_everything
from tests.support.system import System

pytestmark = pytest.mark.system

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TOPICS = ("onboarding.task-commands.v1", "onboarding.operation-runs.v1", "onboarding.evidence.v1")


async def test_every_event_and_log_line_has_the_callers_trace(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("failing", times=5)
        run_id = await caller.start("graph.connectivity", headers={"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"})
        run = await caller.ended(run_id, seconds=60)
        await caller.evidence(run_id)
        events = [event for event in read_everything(system.journal["kafka"], TOPICS) if event.tenant == caller.tenant]
        lines = [json.loads(line) for line in system.log("task-runner").splitlines() if line.startswith("{")]
        of_the_run = [line for line in lines if line.get("run_id") == run_id]

        assert (run["attempt"], run["result"]["status"]) == (2, "ok")
        assert {event.topic for event in events} == set(TOPICS)
        assert {event.headers.get("ce_traceparent", b"").decode()[3:35] for event in events} == {TRACE}
        assert of_the_run, "waiting for another attempt is worth a line"
        assert {line.get("tenant_id") for line in of_the_run} == {caller.tenant}
        assert {line.get("trace_id") for line in of_the_run} == {TRACE}
