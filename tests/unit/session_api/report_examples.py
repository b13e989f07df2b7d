"""Reports for the tests of their forms."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from session_api.routes.report_bodies import ReportFinding, ReportGap, SessionReport
from session_api.routes.report_example import REPORT


def example(**more: Any) -> SessionReport:
    """The report that the API page shows, with other members from ``more``."""
    return msgspec.convert({**REPORT, **more}, SessionReport)


def finding(**more: Any) -> ReportFinding:
    """Its finding, with other members from ``more``."""
    return msgspec.structs.replace(example().findings[0], **more)


def gap(**more: Any) -> ReportGap:
    """Its task that was not checked, with other members from ``more``."""
    return msgspec.structs.replace(example().not_checked[0], **more)


def moment(hour: int) -> datetime:
    """A time on the day of the report."""
    return datetime(2026, 11, 24, hour, tzinfo=UTC)
