"""Records spans with the OpenTelemetry SDK and exports them with OTLP over HTTP; loaded only if tracing is enabled."""

import threading
from typing import cast
from urllib.parse import unquote

import structlog
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider, sampling
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from onboarding_shared.contracts.traceparent import TraceContext
from onboarding_shared.process.service_settings import TracingSettings
from onboarding_shared.telemetry.tracing import Attributes, Kind, Span

CLOSE_SECONDS = 5.0
"""Time limit for exporting the last spans of a stopping process."""

_KINDS: dict[Kind, SpanKind] = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_log = structlog.get_logger("onboarding.tracing")


class RecordedSpan:
    """A span of the SDK with its ``traceparent``."""

    def __init__(self, span: trace.Span) -> None:
        self.span = span
        ids = span.get_span_context()
        self.traceparent = TraceContext(f"{ids.trace_id:032x}", f"{ids.span_id:016x}", ids.trace_flags.sampled).header()

    def note(self, attributes: Attributes, *, name: str | None = None) -> None:
        """See ``Span``."""
        self.span.set_attributes({key: value for key, value in attributes.items() if value is not None})
        if name is not None:
            self.span.update_name(name)

    def end(self, error: str | None = None) -> None:
        """See ``Span``."""
        if not self.span.is_recording():
            return
        if error is not None:
            self.span.set_attribute("error.type", error)
            self.span.set_status(Status(StatusCode.ERROR))
        self.span.end()


class SdkRecorder:
    """Records spans with a provider. Parents are explicit, never taken from the current context."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("onboarding")

    def start(
        self, name: str, kind: Kind, parent: TraceContext | None, attributes: Attributes, began_ns: int | None
    ) -> Span:
        """See ``start_span``."""
        started = self._tracer.start_span(
            name,
            context=_parent_context(parent),
            kind=_KINDS[kind],
            attributes={key: value for key, value in attributes.items() if value is not None},
            start_time=began_ns,
        )
        return RecordedSpan(started)

    def enter(self, span: Span) -> None:
        """See ``Recorder``."""
        context.attach(trace.set_span_in_context(cast("RecordedSpan", span).span))

    def close(self) -> None:
        """See ``Recorder``."""
        # The SDK waits up to 30 s for a collector that does not respond, which is not configurable.
        closing = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        if closing.is_alive():
            _log.warning("spans_lost", reason="the collector did not take them in time")


def open_recorder(settings: TracingSettings, *, service: str, version: str) -> SdkRecorder:
    """Create a recorder that exports to the endpoint of the settings, in batches and from a separate thread.

    Spans that the collector does not accept in time are dropped: tracing never delays the work. The provider becomes
    OpenTelemetry's global provider, so that spans of tasks are included.
    """
    exporter = OTLPSpanExporter(endpoint=settings.url, headers=_headers(settings))
    provider = TracerProvider(
        sampler=_sampler(settings), resource=_resource(settings, service, version), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    return SdkRecorder(provider)


def _parent_context(parent: TraceContext | None) -> context.Context:
    if parent is None:
        return context.Context()
    flags = TraceFlags(TraceFlags.SAMPLED if parent.sampled else TraceFlags.DEFAULT)
    above = SpanContext(int(parent.trace_id, 16), int(parent.span_id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(NonRecordingSpan(above), context.Context())


def _sampler(settings: TracingSettings) -> sampling.Sampler:
    kind = settings.sampler.removeprefix("parentbased_")
    root: sampling.Sampler = {
        "always_on": sampling.ALWAYS_ON,
        "always_off": sampling.ALWAYS_OFF,
        "traceidratio": sampling.TraceIdRatioBased(settings.sampler_arg),
    }[kind]
    return root if kind == settings.sampler else sampling.ParentBased(root)


def _resource(settings: TracingSettings, service: str, version: str) -> Resource:
    named = {SERVICE_NAME: settings.service_name} if settings.service_name else {}
    ours = {SERVICE_NAME: service, SERVICE_NAMESPACE: "onboarding", SERVICE_VERSION: version}
    return Resource.create({**ours, **_pairs(settings.resource_attributes), **named})


def _headers(settings: TracingSettings) -> dict[str, str]:
    return {name.lower(): value for name, value in _pairs(settings.headers).items()}


def _pairs(text: str) -> dict[str, str]:
    """Parse ``name=value,name=value`` with percent-encoded values, the format of ``OTEL_*`` variables."""
    parts = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip(): unquote(value.strip()) for name, _, value in parts}
