"""One run is one trace over all three services, exported by the real processes to a collector."""

import json
from collections.abc import Iterator

import pytest

from tests.support.collector import Collector, Span, trace_collector
from tests.support.system import System, running_system
from tests.support.waiting import eventually

pytestmark = pytest.mark.system

TRACE, CALLER = "5bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
POST = "POST /tenants/{tenant_id}/onboarding/tasks/{task_type}/runs"
COMMANDS, RUNS, EVIDENCE = "onboarding.task-commands.v1", "onboarding.operation-runs.v1", "onboarding.evidence.v1"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with trace_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector: Collector) -> Iterator[System]:
    """A system whose services export their spans, as an operator would set it up."""
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-collector-key=s3cret%20key",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with running_system(**settings) as system:
        yield system


def below(spans: list[Span], parent: str, service: str, name: str, event: str | None = None) -> list[Span]:
    """The spans of a service right below another one; of messages only those of one type."""
    return [
        span
        for span in spans
        if (span.parent, span.service, span.name) == (parent, service, name)
        and (event is None or span.attributes["cloudevents.event_type"] == f"org.onboarding.{event}.v1")
    ]


WAY = {
    "request": (None, "session-api", POST, None),
    "sent": ("request", "session-api", f"send {COMMANDS}", None),
    "intake": ("sent", "task-runner", f"process {COMMANDS}", None),
    "run": ("intake", "task-runner", "run graph.connectivity", None),
    "finished": ("run", "task-runner", f"send {RUNS}", "RunFinished"),
    "projected": ("finished", "session-api", f"process {RUNS}", None),
    "taken": ("finished", "evidence-store", f"process {RUNS}", None),
    "recorded": ("taken", "evidence-store", "record evidence", None),
    "confirmed": ("taken", "evidence-store", f"send {EVIDENCE}", None),
    "known": ("confirmed", "task-runner", f"process {EVIDENCE}", None),
}
"""Each span of a run: below which one, in which service, its name, and the message's type where there are several."""


def way_of(spans: list[Span]) -> dict[str, Span] | None:
    """The spans of ``WAY``; None as long as one is missing, since each service exports in its own time."""
    way: dict[str, Span] = {}
    for step, (parent, service, name, event) in WAY.items():
        matching = below(spans, way[parent].span_id if parent else CALLER, service, name, event)
        if len(matching) != 1:
            return None
        way[step] = matching[0]
    return way


async def test_the_spans_of_a_run_follow_its_way_through_all_services(traced: System, collector: Collector) -> None:
    async with traced.caller() as caller:
        await caller.connect("healthy")
        run_id = await caller.start("graph.connectivity", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
        await caller.ended(run_id)
        await caller.evidence(run_id)
        way = await eventually(lambda: way_of(collector.trace(TRACE)))
    request, run = way["request"], way["run"]
    spans = collector.trace(TRACE)
    graph = [span for span in spans if span.parent == run.span_id and span.kind == "client"]

    assert [span.kind for span in (request, way["sent"], way["intake"], run, way["recorded"])] == [
        "server",
        "producer",
        "consumer",
        "internal",
        "internal",
    ]
    assert {span.attributes["http.response.status_code"] for span in graph} == {200}
    assert request.attributes["http.response.status_code"] == 201
    assert run.attributes["onboarding.outcome"] == "succeed"
    for span in (way[step] for step in ("intake", "run", "projected", "taken", "recorded", "known")):
        assert (span.attributes["onboarding.run_id"], span.attributes["onboarding.tenant_id"]) == (
            run_id,
            caller.tenant,
        )
    assert not any(span.failed for span in spans)


async def test_a_read_of_evidence_is_one_trace_over_both_services(traced: System, collector: Collector) -> None:
    trace = "6bf92f3577b34da6a3ce929d0e0e4736"
    async with traced.caller() as caller:
        answer = await caller.get("/evidence", headers={"traceparent": f"00-{trace}-{CALLER}-01"})
        assert answer.status_code == 200
        await eventually(lambda: len(collector.trace(trace)) == 3)
    (asked,) = below(collector.trace(trace), CALLER, "session-api", "GET /tenants/{tenant_id}/onboarding/evidence")
    (client,) = below(collector.trace(trace), asked.span_id, "session-api", "GET")
    (answered,) = below(
        collector.trace(trace), client.span_id, "evidence-store", "GET /tenants/{tenant_id}/onboarding/evidence"
    )
    assert (client.kind, answered.kind) == ("client", "server")


async def test_a_trace_that_its_caller_samples_out_has_no_spans(traced: System, collector: Collector) -> None:
    trace, later = "7bf92f3577b34da6a3ce929d0e0e4736", "8bf92f3577b34da6a3ce929d0e0e4736"
    async with traced.caller() as caller:
        await caller.connect("healthy")
        run_id = await caller.start("license.inventory", headers={"traceparent": f"00-{trace}-{CALLER}-00"})
        await caller.evidence(run_id)
        await caller.get("/tasks", headers={"traceparent": f"00-{later}-{CALLER}-01"})
        await eventually(lambda: collector.trace(later))
    assert collector.trace(trace) == []


async def test_a_fault_of_the_provider_is_a_failed_span(traced: System, collector: Collector) -> None:
    trace = "9bf92f3577b34da6a3ce929d0e0e4736"
    async with traced.caller() as caller:
        await caller.connect("failing", times=1)
        run_id = await caller.start("graph.connectivity", headers={"traceparent": f"00-{trace}-{CALLER}-01"})
        await caller.evidence(run_id)
        await eventually(lambda: [span for span in collector.trace(trace) if span.name == "record evidence"])
    failed = [span for span in collector.trace(trace) if span.failed]
    assert {(span.service, span.kind, span.attributes["http.response.status_code"]) for span in failed} <= {
        ("task-runner", "client", code) for code in range(500, 505)
    }
    assert failed


async def test_the_exporter_obeys_its_settings(traced: System, collector: Collector) -> None:
    services = {"session-api", "task-runner", "evidence-store"}
    await eventually(lambda: {resource["service.name"] for resource in collector.resources}, equals=services)
    assert {path for path, _ in collector.requests} == {"/v1/traces"}
    assert {headers["x-collector-key"] for _, headers in collector.requests} == {"s3cret key"}
    assert {resource["deployment.environment.name"] for resource in collector.resources} == {"test"}
    assert {resource["service.namespace"] for resource in collector.resources} == {"onboarding"}


async def test_neither_token_nor_secret_is_exported(traced: System, collector: Collector) -> None:
    async with traced.caller() as caller:
        token = caller.token.encode()
        await eventually(lambda: collector.bodies)
    secrets = [value.encode() for value in json.loads((traced.folder / "secrets.json").read_text()).values()]
    assert token not in b"".join(collector.bodies)
    assert [secret for secret in secrets if secret in b"".join(collector.bodies)] == []
