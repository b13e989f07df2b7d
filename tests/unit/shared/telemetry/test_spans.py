"""Spans as they are recorded, kept in memory; and nothing of it where nobody records."""

import time
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from onboarding_shared.process.service_settings import TracingSettings
from onboarding_shared.process.settings import SettingsError, load
from onboarding_shared.telemetry import trace_export
from onboarding_shared.telemetry.trace_export import SdkRecorder
from onboarding_shared.telemetry.tracing import (
    bind_traceparent,
    current_traceparent,
    enter_span,
    record_with,
    start_span,
    trace_id_of,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ABOVE = f"00-{TRACE}-00f067aa0ba902b7-01"


class Memory:
    """A recorder that keeps its spans in memory."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.recorder = SdkRecorder(self.provider)

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())


@pytest.fixture
def memory() -> Iterator[Memory]:
    memory = Memory()
    before = record_with(memory.recorder)
    yield memory
    record_with(before)


def make_settings(**variables: object) -> TracingSettings:
    return TracingSettings(**variables)  # type: ignore[arg-type]


def test_where_nobody_records_there_is_no_span() -> None:
    assert start_span("work", parent=ABOVE, attributes={}) is None


def test_a_span_has_its_parent_and_is_propagated(memory: Memory) -> None:
    span = start_span("work", "consumer", parent=ABOVE, attributes={"onboarding.run_id": 7, "nothing": None})
    assert span is not None
    below = start_span("detail", parent=span.traceparent, attributes={})
    assert below is not None
    below.end()
    span.end()
    detail, work = memory.spans
    assert f"{work.context.trace_id:032x}" == trace_id_of(span.traceparent) == TRACE
    assert f"{work.parent.span_id:016x}" == "00f067aa0ba902b7"
    assert detail.parent.span_id == work.context.span_id
    assert (work.kind.name, dict(work.attributes or {})) == ("CONSUMER", {"onboarding.run_id": 7})


@pytest.mark.parametrize("parent", [None, "garbage", ABOVE.upper()])
def test_without_a_readable_parent_a_span_begins_a_trace(memory: Memory, parent: str | None) -> None:
    span = start_span("work", parent=parent, attributes={})
    assert span is not None
    span.end()
    assert memory.spans[0].parent is None
    assert trace_id_of(span.traceparent) != TRACE


def test_an_unrecorded_trace_stays_unrecorded_and_is_propagated(memory: Memory) -> None:
    span = start_span("work", parent=ABOVE[:-2] + "00", attributes={})
    assert span is not None
    span.end()
    assert memory.spans == []
    assert trace_id_of(span.traceparent) == TRACE
    assert span.traceparent.endswith("-00")
    assert span.traceparent != ABOVE


def test_a_span_ends_once_with_its_error(memory: Memory) -> None:
    span = start_span("work", parent=ABOVE, attributes={})
    assert span is not None
    span.note({"http.route": "/things"}, name="GET /things")
    span.end("TimeoutError")
    span.end()
    (work,) = memory.spans
    assert work.name == "GET /things"
    assert dict(work.attributes or {}) == {"http.route": "/things", "error.type": "TimeoutError"}
    assert not work.status.is_ok


def test_inside_a_span_logs_calls_and_libraries_belong_to_it(memory: Memory) -> None:
    bind_traceparent(None)
    span = start_span("work", parent=ABOVE, attributes={})
    assert span is not None
    enter_span(span)
    assert current_traceparent() == span.traceparent
    with memory.provider.get_tracer("a library").start_as_current_span("theirs"):
        pass
    assert f"{memory.spans[0].parent.span_id:016x}" == span.traceparent[36:52]


def test_a_span_may_have_begun_before_it_is_recorded(memory: Memory) -> None:
    began = time.time_ns() - 5_000_000_000
    span = start_span("work", parent=ABOVE, attributes={}, began_ns=began)
    assert span is not None
    span.end()
    assert memory.spans[0].start_time == began


@pytest.mark.parametrize(
    ("variables", "url"),
    [
        ({}, None),
        ({"endpoint": "http://c:4318"}, "http://c:4318/v1/traces"),
        ({"endpoint": "http://c:4318/base/"}, "http://c:4318/base/v1/traces"),
        ({"endpoint": "http://c:4318", "traces_endpoint": "https://t/in"}, "https://t/in"),
        ({"endpoint": "http://c:4318", "disabled": True}, None),
    ],
)
def test_the_span_endpoint_follows_the_standard(variables: dict[str, object], url: str | None) -> None:
    assert make_settings(**variables).url == url


def test_wrong_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "5")
    with pytest.raises(SettingsError) as refused:
        load(TracingSettings)
    assert {line.split(":")[0] for line in refused.value.problems} == {
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_TRACES_SAMPLER_ARG",
    }


@pytest.mark.parametrize(
    ("sampler", "ratio", "root", "below"),
    [
        ("parentbased_always_on", 1.0, True, True),
        ("always_on", 1.0, True, True),
        ("always_off", 1.0, False, False),
        ("parentbased_always_off", 1.0, False, True),
        ("parentbased_traceidratio", 0.0, False, True),
        ("traceidratio", 0.0, False, False),
    ],
)
def test_the_sampler_is_the_one_of_the_settings(sampler: str, ratio: float, root: bool, below: bool) -> None:
    settings = make_settings(endpoint="http://127.0.0.1:9", sampler=sampler, sampler_arg=ratio)
    provider = TracerProvider(sampler=trace_export._sampler(settings), shutdown_on_exit=False)
    recorder = SdkRecorder(provider)
    first = recorder.start("work", "internal", None, {}, None)
    record = record_with(recorder)
    second = start_span("work", parent=ABOVE, attributes={})
    record_with(record)
    assert second is not None
    assert (first.traceparent.endswith("-01"), second.traceparent.endswith("-01")) == (root, below)


def test_the_settings_override_the_service_name_of_a_process() -> None:
    plain = make_settings(resource_attributes="deployment.environment.name=test,team=on%20boarding")
    named = make_settings(service_name="mine", resource_attributes="service.name=theirs")
    resource = trace_export._resource(plain, "task-runner", "1.2.3").attributes
    assert (resource["service.name"], resource["service.version"]) == ("task-runner", "1.2.3")
    assert (resource["deployment.environment.name"], resource["team"]) == ("test", "on boarding")
    assert trace_export._resource(named, "task-runner", "1").attributes["service.name"] == "mine"
