"""One stream of structured log lines: our own through structlog, the libraries' through the standard library.

Off a terminal a line is one JSON object: ``timestamp`` (RFC 3339, UTC), ``level``, ``event``, ``service``, ``logger``,
then what is bound to the context (``run_id``, ``tenant_id``, ``trace_id``, ``request_id``) and the line's own fields.
"""

import io
import json
import logging
import os
import sys
from typing import TextIO

import msgspec
import structlog
from structlog.types import EventDict, ExcInfo, Processor, WrappedLogger

from onboarding_shared.process.settings import LogSettings
from onboarding_shared.telemetry.redaction import redact, redact_text

_NOT_SHOWN = frozenset({"_record", "exc_info"})
"""Not values of a line, but what it is made from."""
_QUIET = ("httpx", "httpx2", "httpcore", "httpcore2", "uvicorn.access", "asyncio", "aiokafka.conn")
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "faststream", "faststream.access", "faststream.access.kafka", "alembic")


class Lines:
    """What structlog writes to: a named logger that puts every rendered line on one stream."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        """Writes one line, in one call, so that lines of several tasks never mix."""
        self._stream.write(line + "\n")
        self._stream.flush()

    debug = info = warning = error = critical = exception = fatal = log = msg


def configure_logging(settings: LogSettings, *, service: str, stream: TextIO | None = None) -> None:
    """Sets up logging of the whole process, once, before anything logs. ``stream`` is standard output unless given."""
    stream = stream or sys.stdout
    level = logging.getLevelNamesMapping()[settings.level]
    as_json = settings.format == "json" or (settings.format == "auto" and not stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        *([structlog.processors.format_exc_info] if as_json else []),
        redact_secrets,
    ]
    render: list[Processor] = [JsonLine(service)] if as_json else [_console(stream)]

    def lines(*names: object) -> Lines:
        return Lines(stream, str(names[0]) if names else service)

    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        logger_factory=lines,
        cache_logger_on_first_use=True,
    )
    _route_standard_library(stream, level, shared, render)


def _route_standard_library(stream: TextIO, level: int, shared: list[Processor], render: list[Processor]) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:1], structlog.stdlib.ExtraAdder(), *shared[1:]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    handler.addFilter(_repeated_by_the_client)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)


def _repeated_by_the_client(record: logging.LogRecord) -> bool:
    """The Kafka client calls each request that it repeats by itself an error: those of a broker that has only just
    started, too. What it cannot mend, the relay and the consumers say in lines of their own."""
    if record.name.startswith("aiokafka") and record.levelno == logging.ERROR:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def add_logger_name(logger: WrappedLogger, _: str, event: EventDict) -> EventDict:
    """Names the logger of a line, whichever library wrote it."""
    record = event.get("_record")
    event["logger"] = record.name if record is not None else getattr(logger, "name", None)
    event.pop("color_message", None)
    return event


def redact_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Hides values whose key says that they are secret, and what looks like a secret inside texts."""
    for key, value in event.items():
        if key not in _NOT_SHOWN and not key.startswith("_from"):
            event[key] = redact(value, key)
    return event


class JsonLine:
    """Renders an event as one JSON object whose first members always come in the same order. Never raises."""

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
            # A log line must come out whatever is in it, lone surrogates and odd keys included.
            return json.dumps({str(key): value for key, value in line.items()}, default=_shown, skipkeys=True)


def _shown(value: object) -> str:
    return redact_text(repr(value))


def _console(stream: TextIO) -> Processor:
    colours = stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    # Plain tracebacks: structlog's default prints local variables, and among them are tokens and passwords.
    return structlog.dev.ConsoleRenderer(
        colors=colours or "FORCE_COLOR" in os.environ, exception_formatter=_plain_traceback
    )


def _plain_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    stream.write(redact_text(text.getvalue()))
