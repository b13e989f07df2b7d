"""The events in Kafka: complete, in order, each valid against its published schema."""

import asyncio
import json
from collections import Counter, defaultdict
from datetime import datetime
from typing import Any

import httpx2
import pytest
from jsonschema import Draft202012Validator

from onboarding_devstack.cli.demo.ways import CustomerAdministrator
from tests.support.caller import Caller
from tests.support.outside_reader import Event, read_everything
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = pytest.mark.system

TOPICS = (
    "onboarding.task-commands.v1",
    "onboarding.operation-runs.v1",
    "onboarding.sessions.v1",
    "onboarding.evidence.v1",
    "onboarding.audit.session-api.v1",
    "onboarding.audit.evidence-store.v1",
    "onboarding.task-types.v1",
)
OF_OPERATORS = {
    *(f"org.onboarding.{service}InboxRepaired.v1" for service in ("SessionApi", "TaskRunner", "EvidenceStore")),
    *(
        f"org.onboarding.{service}{done}.v1"
        for service in ("SessionApi", "TaskRunner", "EvidenceStore")
        for done in ("DeadLetterReplayed", "DeadLettersDiscarded")
    ),
    "org.onboarding.TenantBindingRemoved.v1",
}
"""Events of what operators do: nothing is broken here, and no customer leaves."""


async def look_after(system: System) -> int:
    """A session with everything that can happen to one, and three runs, one of them cancelled; returns the tenant."""
    async with system.caller() as first, system.caller(first.tenant, user=8) as second:
        session = (await first.post("/session")).json()["id"]
        connection = await first.connect("healthy")
        await _run(first, "gdap.relationship")
        await first.patch(f"/session/{session}", json={"current_step": 2, "assigned_to_user_id": 9})
        await second.patch(f"/session/{session}", json={"takeover": True})
        await _run(first, "graph.connectivity")
        await first.behave("slow", delay_seconds=20.0)
        run_id = await first.start("license.inventory")
        await first.post(f"/runs/{run_id}/cancel")
        await first.ended(run_id)
        await first.get("/evidence/verification", params={"expected_length": 1, "expected_head": "0" * 64})
        await second.post(f"/session/{session}/abandon")
        await second.post(f"/provider-connections/{connection}/disable")
        return first.tenant


async def accept_consent(system: System, caller: Caller) -> None:
    """Accept a consent link as an administrator of the customer, while a run waits for it."""
    waiting = await caller.start("app.consent")
    await eventually(lambda: caller.state(waiting), equals="waiting")
    request = (await caller.post("/consent-requests")).json()
    assert await CustomerAdministrator(system.journal["graph"]).accept_consent(request["url"]) == 200


async def complete(system: System) -> None:
    """One tenant, whose administrator consents by link, through all five steps of the wizard."""
    async with system.caller() as caller:
        session = (await caller.post("/session")).json()["id"]
        connection = await caller.connect("healthy", consented=[])
        await caller.patch(f"/session/{session}", json={"provider_connection_id": connection})
        await accept_consent(system, caller)
        catalogue = (await caller.http.get("/onboarding/task-types")).json()
        for step in range(1, 6):
            await caller.patch(f"/session/{session}", json={"current_step": step})
            required = [
                task_type["name"] for task_type in catalogue if task_type["step"] == step and task_type["required"]
            ]
            await asyncio.gather(*(_run(caller, task_type) for task_type in required))
        done = await caller.post(f"/session/{session}/complete")
        assert (done.status_code, done.json().get("status")) == (200, "completed"), done.text


async def _run(caller: Caller, task_type: str) -> None:
    run_id = await caller.start(task_type)
    await caller.ended(run_id)
    await caller.evidence(run_id)


@pytest.fixture(scope="module")
def published(system: System) -> tuple[list[int], list[Event]]:
    """The tenants that were looked after, and all events since the beginning; one more was onboarded to the end."""

    async def several() -> list[int]:
        await complete(system)
        return list(await asyncio.gather(*(look_after(system) for _ in range(5))))

    tenants = asyncio.run(several())
    return tenants, read_everything(system.journal["kafka"], TOPICS)


@pytest.fixture
async def validators(system: System) -> dict[str, Draft202012Validator]:
    """The schema of each type as evidence-store publishes it, for everybody."""
    async with httpx2.AsyncClient(base_url=system.journal["evidence_store"], trust_env=False) as client:
        listed = (await client.get("/onboarding/schemas")).json()["schemas"]
        schemas = {entry["type"]: (await client.get(f"/onboarding/schemas/{entry['type']}")).json() for entry in listed}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    return {
        name: Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        for name, schema in schemas.items()
    }


def first_sequences(events: list[Event]) -> dict[tuple[int, str], list[int]]:
    """Tenant and topic → sequences in the order in which they were first read; a repeat is allowed to Kafka."""
    sequences: dict[tuple[int, str], list[int]] = defaultdict(list)
    for event in events:
        seen = sequences[event.tenant, event.topic]
        if event.sequence not in seen:
            seen.append(event.sequence)
    return sequences


def test_every_tenant_is_told_in_order_and_without_a_gap_on_every_topic(published: Any) -> None:
    tenants, events = published
    sequences = first_sequences(events)

    assert {topic for _, topic in sequences} == set(TOPICS)
    for topic in TOPICS[:6]:
        assert {tenant for tenant, its in sequences if its == topic} >= set(tenants)
    for place, numbers in sequences.items():
        assert numbers == list(range(1, len(numbers) + 1)), place


def test_a_tenant_stays_in_one_partition(published: Any) -> None:
    _, events = published
    partitions = defaultdict(set)
    for event in events:
        partitions[event.tenant, event.topic].add(event.partition)

    assert {len(numbers) for numbers in partitions.values()} == {1}
    assert len({event.partition for event in events if event.topic == TOPICS[1]}) > 1, "tenants share the partitions"


async def test_every_event_is_as_its_published_schema_says(
    published: Any, validators: dict[str, Draft202012Validator]
) -> None:
    _, events = published
    seen = {event.type for event in events}

    for event in events:
        errors = [error.message for error in validators[event.type].iter_errors(json.loads(event.value))]
        assert errors == [], (event.type, event.value)
    assert len(events) > 80
    assert set(validators) - seen == OF_OPERATORS, "every other published type was sent at least once"


def test_every_event_is_a_cloudevent_about_its_tenant(published: Any) -> None:
    _, events = published
    wanted = {"ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_dataschema", "ce_sequence"}

    assert len({(event.headers["ce_source"], event.headers["ce_id"]) for event in events}) == len(
        {(event.topic, event.tenant, event.sequence) for event in events}
    )
    for event in events:
        assert wanted <= event.headers.keys()
        assert event.headers["ce_specversion"] == b"1.0"
        assert event.headers["content-type"] == b"application/json"
        assert event.headers["ce_dataschema"].decode() == f"urn:onboarding:schema:{event.type}"
        assert datetime.fromisoformat(event.headers["ce_time"].decode()).utcoffset() is not None
        assert json.loads(event.value)["tenant_id"] == event.tenant


def test_a_run_has_events_from_command_to_evidence(published: Any) -> None:
    tenants, events = published
    of_runs = defaultdict(list)
    for event in events:
        data = json.loads(event.value)
        if event.tenant in tenants and "run_id" in data:
            of_runs[data["run_id"]].append((event.topic, event.type, data))

    assert len(of_runs) == 3 * len(tenants)
    states = Counter()
    for run_id, entries in of_runs.items():
        commands = [data for topic, type_, data in entries if topic == TOPICS[0] and "start" in type_.lower()]
        finished = [data for topic, type_, data in entries if topic == TOPICS[1] and "finished" in type_.lower()]
        recorded = [data for topic, _, data in entries if topic == TOPICS[3]]
        assert commands, run_id
        assert len({data["state"] for data in finished}) == 1, run_id
        states[finished[0]["state"]] += 1
        assert bool(recorded) == (finished[0]["state"] != "cancelled"), run_id
    assert states == {"succeeded": 2 * len(tenants), "cancelled": len(tenants)}


def test_nothing_was_put_aside_as_unreadable(system: System, published: Any) -> None:
    letters = read_everything(system.journal["kafka"], [f"{topic}.dlq" for topic in TOPICS])
    assert [letter.value for letter in letters] == []
