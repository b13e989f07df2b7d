"""Propagates the W3C trace context in ``traceparent``, and records spans if a recorder is set.

Without a recorder (no exporter is configured) a span is ``None`` and OpenTelemetry is not loaded; the trace context is
propagated nevertheless. ``telemetry.trace_export`` has the recorder.
"""

import random
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Literal, Protocol

from structlog.contextvars import bind_contextvars

from onboarding_shared.contracts.traceparent import TraceContext, parse_traceparent

_ids = random.Random()  # noqa: S311 (ids need to differ, not to be secret)
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)

AttributeValue = str | int | float | bool
Attributes = Mapping[str, AttributeValue | None]
Kind = Literal["internal", "server", "client", "producer", "consumer"]


class Span(Protocol):
    """An open span of a recorded trace. ``traceparent`` identifies it in outgoing calls."""

    @property
    def traceparent(self) -> str: ...

    def note(self, attributes: Attributes, *, name: str | None = None) -> None:
        """Add attributes, without those that are ``None``, and replace the name if given."""
        ...

    def end(self, error: str | None = None) -> None:
        """End the span, as failed if ``error`` is given. Further calls have no effect."""
        ...


class Recorder(Protocol):
    """Creates and exports spans."""

    def start(
        self, name: str, kind: Kind, parent: TraceContext | None, attributes: Attributes, began_ns: int | None
    ) -> Span: ...

    def enter(self, span: Span) -> None:
        """Make ``span`` the parent of spans that libraries create in the rest of this task or request."""
        ...

    def close(self) -> None:
        """Export the remaining spans. Never raises, and takes a few seconds at most."""
        ...


_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> Recorder | None:
    """Set the recorder of the process; returns the previous one."""
    global _recorder
    before, _recorder = _recorder, recorder
    return before


def recording() -> bool:
    """True if spans are recorded."""
    return _recorder is not None


def start_span(
    name: str,
    kind: Kind = "internal",
    *,
    parent: str | None,
    attributes: Attributes,
    began_ns: int | None = None,
) -> Span | None:
    """Start a child of the span ``parent``, or the first span of a new trace; ``None`` if spans are not recorded.

    ``began_ns`` is the start time in nanoseconds since 1970, by default now. Attributes must not contain secrets.
    """
    if _recorder is None:
        return None
    return _recorder.start(name, kind, parse_traceparent(parent), attributes, began_ns)


def enter_span(span: Span, **context: object) -> None:
    """Make ``span`` the current span of the rest of this task or request, in logs and outgoing calls.

    ``context`` is bound to the logs too.
    """
    _current.set(span.traceparent)
    bind_contextvars(trace_id=trace_id_of(span.traceparent), **context)
    if _recorder is not None:
        _recorder.enter(span)


def bind_traceparent(header: str | None, **context: object) -> str:
    """Make the rest of this task or request part of the trace in ``header``, with a new span id.

    A missing or malformed header starts a new trace. Returns the ``traceparent`` of outgoing calls; its trace id is
    bound to the logs as ``trace_id``, together with ``context``.
    """
    parent = parse_traceparent(header) if header else None
    trace_id = parent.trace_id if parent else f"{_ids.getrandbits(128) or 1:032x}"
    flags = "00" if parent and not parent.sampled else "01"
    traceparent = f"00-{trace_id}-{_ids.getrandbits(64) or 1:016x}-{flags}"
    _current.set(traceparent)
    bind_contextvars(trace_id=trace_id, **context)
    return traceparent


def current_traceparent() -> str | None:
    """The ``traceparent`` of outgoing calls and messages; ``None`` outside of a trace."""
    return _current.get()


def trace_id_of(traceparent: str) -> str:
    """The trace id in ``traceparent``: 32 hexadecimal digits."""
    return traceparent[3:35]
