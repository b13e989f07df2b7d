"""The recorded customers, through the whole system as `onboarding demo --tenant NAME` shows them."""

import io

import httpx2
import pytest
from rich.console import Console

from microsoft_emulator.recorded import control_request, guid_of
from onboarding_devstack.cli.demo.api import Api
from onboarding_devstack.cli.demo.fleet import FleetDemo
from onboarding_devstack.cli.demo.run import Outcome, steps_of
from onboarding_devstack.cli.demo.view import PlainView
from onboarding_devstack.system import DEMO_CLIENT_ID
from onboarding_devstack.tenant_bindings import binding_of
from tests.support.recorded import EXPECTED
from tests.support.system import System

WAITS_FOR_EVER = "example.own_domain"
"""A task of the example package beside the twelve: it waits for a domain that these customers never get."""
pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


async def survey(system: System, name: str) -> Outcome:
    """Everything that the demo does with this customer."""
    tenant, control = system.new_tenant(), control_request(name, DEMO_CLIENT_ID)
    async with httpx2.AsyncClient(base_url=system.journal["graph"], trust_env=False) as graph:
        (await graph.put(f"/_control/tenants/{guid_of(name)}", json=control)).raise_for_status()
    await system.bind(binding_of(tenant, guid_of(name)))
    async with Api(system.journal["session_api"], system.token(tenants=[tenant]), tenant) as api:
        catalogue = [task_type for task_type in await api.task_types() if task_type["name"] != WAITS_FOR_EVER]
        view = PlainView(Console(file=io.StringIO()), steps_of(catalogue))
        return await FleetDemo(api, None, view, catalogue, guid_of(name)).run()


@pytest.mark.parametrize("name", EXPECTED)
async def test_a_recorded_customer_gets_the_expected_verdicts_and_remedies(system: System, name: str) -> None:
    outcome = await survey(system, name)
    summaries = {summary["task_type"]: summary for summary in outcome.tasks if summary["task_type"] in EXPECTED[name]}

    # A run that waits has no result yet: the task stands as before its first run.
    expected = {
        task: "unknown NEVER_RUN" if verdict.startswith("waiting ") else verdict
        for task, verdict in EXPECTED[name].items()
    }
    assert {task: f"{summary['status']} {summary['reason_code']}" for task, summary in summaries.items()} == expected
    assert all(summary["remediation"] for summary in summaries.values() if summary["status"] != "ok")


async def test_a_healthy_customer_is_onboarded_to_the_end(system: System) -> None:
    outcome = await survey(system, "healthy")

    assert outcome.good
    assert outcome.session["status"] == "completed"
