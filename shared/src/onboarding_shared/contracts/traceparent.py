"""The W3C trace context of a message or request: https://www.w3.org/TR/trace-context/#traceparent-header"""

import re
from typing import NamedTuple

_HEADER = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?\Z")
_ZEROES = ("0" * 32, "0" * 16)
_USUAL = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[01]\Z")
"""The headers that are written here: the known part of such a header is the header."""


class TraceContext(NamedTuple):
    """A span of a trace, as lower-case hex digits; ``sampled`` means that its trace is recorded."""

    trace_id: str
    span_id: str
    sampled: bool

    def header(self) -> str:
        """The ``traceparent`` that names this span, in version 00."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse_traceparent(header: str | None) -> TraceContext | None:
    """Parse a ``traceparent``; ``None`` if it is missing or malformed. Of a later version the known part is parsed."""
    match = _HEADER.match(header) if header else None
    if match is None:
        return None
    version, trace_id, span_id, flags, tail = match.groups()
    if version == "ff" or (version == "00" and tail) or trace_id == _ZEROES[0] or span_id == _ZEROES[1]:
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1))


def known_part(header: str | None) -> str | None:
    """Return the ``traceparent`` in version 00 of the span in ``header``; ``None`` if it is missing or malformed."""
    if header and _USUAL.match(header):
        return header
    context = parse_traceparent(header)
    return None if context is None else context.header()
