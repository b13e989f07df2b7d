"""W3C trace context: which trace the current work belongs to, taken from and handed on in ``traceparent``."""

import random
import re
from contextvars import ContextVar

from structlog.contextvars import bind_contextvars

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")
_ids = random.Random()  # noqa: S311 (ids need to differ, not to be secret)
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def bind_traceparent(header: str | None) -> str:
    """Makes the rest of this task or request part of the trace that ``header`` names, under a span of its own.

    A missing or malformed header starts a new trace. Returns the ``traceparent`` to send on; its trace id is bound to
    the logs as ``trace_id``.
    """
    found = _HEADER.match(header) if header else None
    if found and _acceptable(found):
        trace_id, flags = found[2], "01" if int(found[4], 16) & 1 else "00"
    else:
        trace_id, flags = f"{_ids.getrandbits(128) or 1:032x}", "01"
    traceparent = f"00-{trace_id}-{_ids.getrandbits(64) or 1:016x}-{flags}"
    _current.set(traceparent)
    bind_contextvars(trace_id=trace_id)
    return traceparent


def current_traceparent() -> str | None:
    """The ``traceparent`` to put on an outgoing call or message; ``None`` outside of any trace."""
    return _current.get()


def trace_id_of(traceparent: str) -> str:
    """The 32 hex digits that all spans of one trace share."""
    return traceparent[3:35]


def _acceptable(found: re.Match[str]) -> bool:
    version, trace_id, parent_id, tail = found[1], found[2], found[3], found[5]
    if version == "ff" or (version == "00" and tail):
        return False
    return trace_id.strip("0") != "" and parent_id.strip("0") != ""
