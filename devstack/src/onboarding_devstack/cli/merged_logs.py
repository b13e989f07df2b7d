"""Lines of several logs in the order of their times."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

LEVELS = ("debug", "info", "warning", "error", "critical")
FIRST = datetime.min.replace(tzinfo=UTC)
"""The time of lines before the first one that has a time."""

# PostgreSQL, the embedded broker (with colours) and Apache Kafka begin their lines so.
_BEGINNING = re.compile(r"(?:\x1b\[[0-9;]*m)*\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?")


class LogLine(NamedTuple):
    """A line of the log of a process. ``at`` is its time; of a line without one it is that of the line before it."""

    at: datetime
    process: str
    text: str


def merged(logs: Mapping[str, Sequence[str]]) -> list[LogLine]:
    """The lines of all logs by time; lines of one process stay in their order."""
    lines: list[LogLine] = []
    for process, texts in logs.items():
        at = FIRST
        for text in texts:
            # A clock that was set back must not take the lines of a process apart.
            at = max(at, time_of(text) or at)
            lines.append(LogLine(at, process, text))
    return sorted(lines, key=lambda line: line.at)


def time_of(text: str) -> datetime | None:
    """The time at which a line was written, in UTC; None if it does not say."""
    if text.startswith("{"):
        text = str(_record(text).get("timestamp", ""))
    found = _BEGINNING.match(text)
    if found is None:
        return None
    day, clock, fraction = found.groups(default="0")
    try:
        return datetime.fromisoformat(f"{day}T{clock}.{fraction:0<6}+00:00")
    except ValueError:
        return None


def is_at_least(text: str, level: str) -> bool:
    """True unless a line says that it is less important than ``level``."""
    own = _record(text).get("level") if text.startswith("{") else None
    return own not in LEVELS or LEVELS.index(str(own)) >= LEVELS.index(level)


def _record(text: str) -> dict[str, object]:
    try:
        record = json.loads(text)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
