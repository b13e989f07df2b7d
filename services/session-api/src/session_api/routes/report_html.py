"""The HTML form of a report: one printable page, which is whole when it is saved and sent on as a file.

Its styles are a file here, and in the page. The policy allows exactly them, by their hash.
"""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from onboarding_shared.contracts.cloudevents import rfc3339
from onboarding_shared.contracts.types import SessionStatus
from session_api.routes.report_bodies import SessionReport

STYLES = files("session_api.routes").joinpath("report_page/report.css").read_text(encoding="utf-8")
POLICY = (
    f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLES.encode()).digest()).decode()}'; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""In the page too, where it holds for a saved file."""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

_WIDTH = 880
_SYMBOLS = {"fail": "✕", "warn": "!", "unknown": "?", "ok": "✓", "not_checked": "—"}
"""The verdicts, most urgent first."""
_WORDS = {"fail": "Failed", "warn": "Warning", "unknown": "Unknown", "ok": "Ok", "not_checked": "Not checked"}
_MEANINGS = {
    "fail": "Does not meet the requirement.",
    "warn": "Meets the requirement with a remark.",
    "unknown": "Was checked, without a result that can be relied on.",
    "ok": "Meets the requirement.",
    "not_checked": "Has no valid result: see below.",
}
_FILLS = {"fail": "#b10e1c", "warn": "#8a5300", "unknown": "#52525c", "ok": "#0e700e", "not_checked": "#6e6e78"}
_STATUSES = {
    SessionStatus.DRAFT: "open",
    SessionStatus.IN_PROGRESS: "open",
    SessionStatus.COMPLETED: "completed",
    SessionStatus.ABANDONED: "abandoned",
}


class Segment(NamedTuple):
    """A part of the bar of verdicts, in its units."""

    name: str
    count: int
    x: int
    width: int
    fill: str

    @property
    def middle(self) -> int:
        """The horizontal position of its label."""
        return self.x + self.width // 2


def report_html(report: SessionReport) -> str:
    """Return the page. Every text is escaped by the template engine."""
    counts = [(name, getattr(report.counts, name)) for name in _SYMBOLS]
    return _TEMPLATE.render(
        report=report,
        styles=STYLES,
        policy=POLICY,
        counts=counts,
        segments=segments_of(counts),
        width=_WIDTH,
        symbols=_SYMBOLS,
        words=_WORDS,
        meanings=_MEANINGS,
        statuses=_STATUSES,
    )


def segments_of(counts: list[tuple[str, int]]) -> list[Segment]:
    """Return the bar: each verdict with a width by its count, and all together exactly the whole width."""
    total = sum(count for _, count in counts)
    segments: list[Segment] = []
    before = 0
    for name, count in counts:
        if count:
            x, end = _WIDTH * before // total, _WIDTH * (before + count) // total
            segments.append(Segment(name, count, x, end - x, _FILLS[name]))
            before += count
    return segments


def shown(moment: datetime) -> str:
    """Return a time as people read it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _template_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("session_api.routes", "report_page"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= {"rfc3339": rfc3339, "shown": shown}
    return environment


_TEMPLATE = _template_environment().get_template("report.html.jinja")
