"""Renders log events as lines: JSON for programs, text for people."""

import io
import json
import os
from typing import TextIO

import msgspec
import structlog
from structlog.types import EventDict, ExcInfo, Processor, WrappedLogger

from onboarding_shared.telemetry.redaction import redact_text


class JsonLine:
    """Renders an event as a JSON object with a fixed order of the first members. Never raises."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, _: WrappedLogger, __: str, event: EventDict) -> str:
        line = {
            "timestamp": event.pop("timestamp", None),
            "level": event.pop("level", None),
            "event": event.pop("event", ""),
            "service": self._service,
            "logger": event.pop("logger", None),
            **event,
        }
        try:
            return msgspec.json.encode(line, enc_hook=_shown).decode()
        except (TypeError, ValueError, UnicodeError, OverflowError, msgspec.MsgspecError, RecursionError):
            # Every line must be written, including those with lone surrogates or invalid keys.
            return json.dumps({str(key): value for key, value in line.items()}, default=_shown, skipkeys=True)


def _shown(value: object) -> str:
    return redact_text(repr(value))


def console_lines(stream: TextIO) -> Processor:
    """Renders events for people, in colours where the stream is a terminal."""
    colours = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    # Plain tracebacks: structlog's default prints local variables, which may be tokens and passwords.
    return structlog.dev.ConsoleRenderer(
        colors=colours or "FORCE_COLOR" in os.environ, exception_formatter=_plain_traceback
    )


def _plain_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write(redact_text(text.getvalue()))
