"""W3C trace context, taken from and handed on in ``traceparent``; and the spans of it, where somebody records them.

Without a recorder (no exporter is set) a span is ``None``, nothing of OpenTelemetry is loaded, and the trace context is
handed on all the same. ``runtime.trace_export`` has the recorder.
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
    """A piece of work under way in a recorded trace. ``traceparent`` names it to those whom it calls."""

    @property
    def traceparent(self) -> str: ...

    def note(self, attributes: Attributes, *, name: str | None = None) -> None:
        """Add attributes (those that are ``None`` are left out), and a better name."""
        ...

    def end(self, error: str | None = None) -> None:
        """The work is done, or failed with an ``error`` of a few words. Only the first end counts."""
        ...


class Recorder(Protocol):
    """Makes spans and brings them to where they are kept."""

    def start(
        self, name: str, kind: Kind, parent: TraceContext | None, attributes: Attributes, began_ns: int | None
    ) -> Span: ...

    def enter(self, span: Span) -> None:
        """Spans that libraries make in the rest of this task or request are children of ``span``."""
        ...

    def close(self) -> None:
        """Export what is left. Raises nothing, and takes some seconds at most."""
        ...


_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> Recorder | None:
    """Record spans from now on, in the whole process; returns the recorder before."""
    global _recorder
    before, _recorder = _recorder, recorder
    return before


def recording() -> bool:
    """Whether spans are recorded at all."""
    return _recorder is not None


def start_span(
    name: str,
    kind: Kind = "internal",
    *,
    parent: str | None,
    attributes: Attributes,
    began_ns: int | None = None,
) -> Span | None:
    """A span below the one that ``parent`` names, or the first of a new trace; ``None`` where nothing is recorded.

    ``began_ns``: when it began, in nanoseconds since 1970; now unless given. Attributes must hold no secret.
    """
    if _recorder is None:
        return None
    return _recorder.start(name, kind, parse_traceparent(parent), attributes, began_ns)


def enter_span(span: Span) -> None:
    """Makes the rest of this task or request part of ``span``, for its logs and for whom it calls."""
    _bind(span.traceparent)
    if _recorder is not None:
        _recorder.enter(span)


def bind_traceparent(header: str | None) -> str:
    """Makes the rest of this task or request part of the trace that ``header`` names, under a span id of its own.

    A missing or malformed header starts a new trace. Returns the ``traceparent`` to send on; its trace id is bound to
    the logs as ``trace_id``.
    """
    found = parse_traceparent(header)
    trace_id, sampled = (found.trace_id, found.sampled) if found else (f"{_ids.getrandbits(128) or 1:032x}", True)
    return _bind(TraceContext(trace_id, f"{_ids.getrandbits(64) or 1:016x}", sampled).header())


def current_traceparent() -> str | None:
    """The ``traceparent`` to put on an outgoing call or message; ``None`` outside of any trace."""
    return _current.get()


def trace_id_of(traceparent: str) -> str:
    """The 32 hex digits that all spans of one trace share."""
    return traceparent[3:35]


def _bind(traceparent: str) -> str:
    _current.set(traceparent)
    bind_contextvars(trace_id=trace_id_of(traceparent))
    return traceparent
