"""Structured logging to one stream, of structlog and of the standard library, which the libraries use.

Unless the stream is a terminal, a line is a JSON object: ``timestamp`` (RFC 3339, UTC), ``level``, ``event``,
``service``, ``logger``, then the bound context (``run_id``, ``tenant_id``, ``trace_id``, ``request_id``) and the
fields of the line.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import structlog
from structlog.contextvars import merge_contextvars
from structlog.types import EventDict, Processor, WrappedLogger

from onboarding_shared.process.service_settings import LogSettings
from onboarding_shared.telemetry.known_secrets import KNOWN, hide_known
from onboarding_shared.telemetry.log_rendering import JsonLine, console_lines
from onboarding_shared.telemetry.redaction import redact_members

_NOT_SHOWN = frozenset({"_record", "exc_info"})
"""Internal members of an event, which are not redacted."""
_QUIET = ("httpx", "httpx2", "httpcore", "httpcore2", "uvicorn.access", "asyncio", "aiokafka", "faststream")
"""Libraries whose lines below a warning are never written, whatever the level is."""
_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
_LEVEL_NAMES = {"warn": "warning", "exception": "error"}
_OWN_HANDLERS = ("uvicorn", "uvicorn.error", "faststream", "faststream.access", "faststream.access.kafka", "alembic")


class _Threshold:
    """The lowest level that is written; ``configured`` is that of the settings."""

    configured = logging.INFO
    current = logging.INFO


def change_level(level: int | None) -> None:
    """Write lines from this level on; None = that of the settings."""
    _Threshold.current = _Threshold.configured if level is None else level
    logging.getLogger().setLevel(_Threshold.current)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(_Threshold.current, logging.WARNING))


def change_level_on_signals() -> None:
    """SIGUSR1: from DEBUG on. SIGUSR2: the level of the settings. Needs a running event loop."""

    def change(level: int | None) -> None:
        change_level(level)
        name = logging.getLevelName(_Threshold.current)
        structlog.get_logger(__name__).warning("log level changed", new_level=name)

    if sys.platform != "win32":
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, change, logging.DEBUG)
        loop.add_signal_handler(signal.SIGUSR2, change, None)


class _LibraryLines(structlog.stdlib.ProcessorFormatter):
    """Renders the lines of libraries."""

    def format(self, record: logging.LogRecord) -> str:
        return hide_known(super().format(record))


class Lines:
    """A named structlog logger that writes every rendered line to a stream."""

    def __init__(self, stream: TextIO, name: str) -> None:
        self.name = name
        self._stream = stream

    def msg(self, line: str) -> None:
        """Write a line in a single call, so that lines of concurrent tasks never mix."""
        if KNOWN:
            line = hide_known(line)
        self._stream.write(line + "\n")
        self._stream.flush()

    debug = info = warning = error = critical = exception = fatal = log = msg


def configure_logging(settings: LogSettings, *, service: str, stream: TextIO | None = None) -> None:
    """Configure logging of the process, once, before the first log line. ``stream`` defaults to standard output."""
    stream = stream or sys.stdout
    _Threshold.configured = logging.getLevelNamesMapping()[settings.level]
    as_json = settings.format == "json" or (settings.format == "auto" and not stream.isatty())
    shared: list[Processor] = [
        drop_below_threshold,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        *([structlog.processors.format_exc_info] if as_json else []),
        redact_secrets,
    ]
    render: list[Processor] = [JsonLine(service)] if as_json else [console_lines(stream)]

    def lines(*names: object) -> Lines:
        return Lines(stream, str(names[0]) if names else service)

    structlog.configure(
        processors=[WholeLine([*shared, *render], JsonLine(service))] if as_json else [*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        context_class=dict,
        logger_factory=lines,
        cache_logger_on_first_use=True,
    )
    _route_standard_library(stream, shared[1:], render)
    change_level(None)


def _route_standard_library(stream: TextIO, shared: list[Processor], render: list[Processor]) -> None:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        _LibraryLines(
            foreign_pre_chain=[*shared[:1], structlog.stdlib.ExtraAdder(), *shared[1:]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    handler.addFilter(_lower_retried_errors)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    for name in _OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(True)


def _lower_retried_errors(record: logging.LogRecord) -> bool:
    """Lower the level of aiokafka's errors, which include requests that it retries itself. The relay and the consumers
    log the failures that remain."""
    if record.name.startswith("aiokafka") and record.levelno == logging.ERROR:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


def drop_below_threshold(_: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """End the processing of a line below the present level, which may change while the process runs."""
    if _LEVELS.get(method, logging.ERROR) < _Threshold.current:
        raise structlog.DropEvent
    return event


def add_logger_name(logger: WrappedLogger, _: str, event: EventDict) -> EventDict:
    """Add the name of the logger, for lines of all libraries."""
    record = event.get("_record")
    event["logger"] = record.name if record is not None else getattr(logger, "name", None)
    event.pop("color_message", None)
    return event


def redact_secrets(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Redact values with the key of a secret, and text that has the form of a secret."""
    shown = {key: value for key, value in event.items() if key not in _NOT_SHOWN and not key.startswith("_from")}
    redact_members(shown)
    event.update(shown)
    return event


class WholeLine:
    """All processors of a JSON line in one call. A line with an exception or a stack goes through them one by one."""

    def __init__(self, processors: Sequence[Processor], render: JsonLine) -> None:
        self._processors = processors
        self._render = render

    def __call__(self, logger: Lines, method: str, event: EventDict) -> str:
        if "exc_info" in event or "stack_info" in event:
            rendered: Any = event
            for process in self._processors:
                rendered = process(logger, method, cast("EventDict", rendered))
            return str(rendered)
        if _LEVELS.get(method, logging.ERROR) < _Threshold.current:
            raise structlog.DropEvent
        merge_contextvars(logger, method, event)
        redact_members(event)
        event["level"] = _LEVEL_NAMES.get(method, method)
        event["logger"] = logger.name
        event["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        return self._render(logger, method, event)
