"""An event as one line of a terminal."""

from rich.text import Text

from onboarding_devstack.cli.screen import WORD_STYLES
from onboarding_devstack.event_log import Event, short_type

_WIDTHS = (12, 10, 6, 23, 14)
_WORDS = ("state", "status", "reason_code")
"""Members whose values speak for themselves, in this order."""
_LEFT_OUT = {"type", "tenant_id", "session_id", "evidence_id", "run_id", "seal", "started_at", "recorded_at", "message"}
"""Members that another column has, or that are too long for a line."""


def _columns(*cells: str) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))


HEADINGS = f"{_columns('time (UTC)', 'tenant', 'no.', 'event', 'about')}  details"


def event_line(event: Event) -> Text:
    """Time, tenant, number in the topic, type, subject and the telling members of an event, coloured by its outcome."""
    data = event["data"]
    start = _columns(
        str(event.get("time", ""))[11:23],
        str(event["partitionkey"]),
        str(event.get("sequence", "")).lstrip("0"),
        short_type(event),
        str(event.get("subject", "")),
    )
    line = Text(f"{_printable(start)} ")
    for name in _WORDS:
        if isinstance(word := data.get(name), str):
            line.append(f" {_printable(word)}", style=WORD_STYLES.get(word))
    for name, value in data.items():
        if name not in _LEFT_OUT and name not in _WORDS and isinstance(value, str | int | float):
            line.append(_printable(f" {name}={value}"))
    return line


def _printable(text: str) -> str:
    """The text without what a terminal would carry out: anybody who may write to the topic has chosen it."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
