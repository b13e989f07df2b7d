"""What tests of other teams get of a system, on the one that runs."""

from collections.abc import Iterator

import pytest

from onboarding_testing.embedded import access_to
from onboarding_testing.onboarding import Onboarding
from onboarding_testing.tenant import Refused
from tests.support.system import System

pytestmark = pytest.mark.system

FIRST_TENANT = 800_001
TASK = "graph.connectivity"


@pytest.fixture(scope="module")
def running(system: System) -> Iterator[Onboarding]:
    with Onboarding(access_to(system.place), first_tenant=FIRST_TENANT) as running:
        yield running


def test_a_run_of_a_tenant_ends_with_evidence_and_events(running: Onboarding) -> None:
    customer = running.tenant()
    customer.connect()
    session = customer.open_session()
    run = customer.start(TASK)
    assert customer.ended(run)["state"] == "succeeded"
    assert customer.evidence(run)["status"] == "ok"
    finished = running.events.wait_for("RunFinished", tenant=customer.id, run_id=run)
    assert finished["data"]["session_id"] == session["id"]


def test_tenants_behave_as_they_are_told(running: Onboarding) -> None:
    customer = running.tenant()
    customer.connect("healthy", consented=[])
    assert customer.evidence(customer.start(TASK))["status"] != "ok"
    customer.behave("healthy")
    assert customer.evidence(customer.start(TASK))["status"] == "ok"


def test_a_refused_request_raises_its_code(running: Onboarding) -> None:
    with pytest.raises(Refused) as refused:
        running.tenant().start("no.such.task")
    assert (refused.value.status, refused.value.code) == (404, "TASK_TYPE_UNKNOWN")


def test_a_token_permits_what_it_names_alone(running: Onboarding) -> None:
    customer = running.tenant()
    reader = running.token(8, [customer.id], ["onboarding.read"])
    customer.client.headers["Authorization"] = f"Bearer {reader}"
    with pytest.raises(Refused, match="403"):
        customer.open_session()


def test_following_from_now_leaves_earlier_events_out(running: Onboarding) -> None:
    earlier, later = running.tenant(), running.tenant()
    earlier.open_session()
    running.events.wait_for("SessionStarted", tenant=earlier.id)
    with running.follow("now") as events:
        later.open_session()
        events.wait_for("SessionStarted", tenant=later.id)
        assert [event for event in events.all(tenant=earlier.id) if event["type"].endswith("SessionStarted.v1")] == []
