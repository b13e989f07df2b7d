import asyncio
import io
import json
import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from onboarding_shared.process.service_settings import LogSettings
from onboarding_shared.telemetry.logging import change_level, change_level_on_signals, configure_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(LogSettings(format="json", level="INFO"), service="session-api", stream=stream)
    structlog.contextvars.clear_contextvars()
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.contextvars.clear_contextvars()
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def fail(error: Exception) -> None:
    raise error


def test_a_line_is_one_json_object_with_the_bound_fields(stream: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(run_id=9, tenant_id=42, trace_id="ab" * 16)
    structlog.get_logger("runs").info("run finished", status="ok")
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert list(line)[:4] == ["level", "event", "service", "logger"]
    assert line == {
        "level": "info",
        "event": "run finished",
        "service": "session-api",
        "logger": "runs",
        "status": "ok",
        "run_id": 9,
        "tenant_id": 42,
        "trace_id": "ab" * 16,
    }


def test_a_line_with_a_stack_has_the_same_members(stream: io.StringIO) -> None:
    structlog.contextvars.bind_contextvars(tenant_id=42)
    log = structlog.get_logger("runs")
    log.warning("odd", password="hunter2", text="Bearer abcdefghijk")
    log.warning("odd", password="hunter2", text="Bearer abcdefghijk", stack_info=True)
    plain, with_stack = lines(stream)
    assert "Stack (most recent call last)" in with_stack.pop("stack")
    assert with_stack.pop("timestamp")[10] == plain.pop("timestamp")[10] == "T"
    assert plain == with_stack
    assert (plain["password"], plain["text"]) == ("[redacted]", "Bearer [redacted]")


@pytest.mark.parametrize("name", ["uvicorn.error", "aiokafka.consumer", "faststream", "alembic.runtime.migration"])
def test_lines_of_libraries_look_the_same(stream: io.StringIO, name: str) -> None:
    structlog.contextvars.bind_contextvars(tenant_id=42)
    logging.getLogger(name).warning("lost %s after %d s", "it", 5, extra={"attempt": 2})
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("lost it after 5 s", name, "warning")
    assert (line["service"], line["attempt"], line["tenant_id"]) == ("session-api", 2, 42)


def test_what_the_kafka_client_repeats_by_itself_is_no_error(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka.consumer.group_coordinator").error("Group Coordinator Request failed")
    logging.getLogger("aiokafka").critical("lost")
    logging.getLogger("uvicorn.error").error("broken")
    assert [line["level"] for line in lines(stream)] == ["warning", "critical", "error"]


def test_an_exception_is_text_in_the_same_line(stream: io.StringIO) -> None:
    try:
        fail(ValueError("broken\nin two lines"))
    except ValueError:
        structlog.get_logger("runs").exception("failed")
        logging.getLogger("faststream").exception("failed too")
    ours, theirs = lines(stream)
    for line in (ours, theirs):
        assert "Traceback" in line["exception"]
        assert "broken\nin two lines" in line["exception"]


def test_lines_below_the_level_are_not_written(stream: io.StringIO) -> None:
    structlog.get_logger("runs").debug("detail")
    logging.getLogger("aiokafka").debug("detail")
    assert lines(stream) == []


def test_the_level_changes_while_the_process_runs(stream: io.StringIO) -> None:
    ours, theirs = structlog.get_logger("runs"), logging.getLogger("some.library")
    for level in (logging.DEBUG, None, logging.ERROR):
        change_level(level)
        ours.debug("detail")
        theirs.debug("detail of a library")
        ours.warning("warned", level_was=level)

    assert [line["event"] for line in lines(stream)] == ["detail", "detail of a library", "warned", "warned"]


async def test_signals_change_the_level(stream: io.StringIO) -> None:
    change_level_on_signals()
    for number in (signal.SIGUSR1, signal.SIGUSR2):
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)
        structlog.get_logger("runs").debug("detail")

    events = [(line["event"], line.get("new_level")) for line in lines(stream)]
    assert events == [("log level changed", "DEBUG"), ("detail", None), ("log level changed", "INFO")]


@pytest.mark.parametrize("name", ["aiokafka.cluster", "aiokafka.consumer.group_coordinator", "httpx2", "faststream"])
def test_chatter_of_clients_is_not_written_at_any_level(stream: io.StringIO, name: str) -> None:
    change_level(logging.DEBUG)
    logging.getLogger(name).info("Discovered coordinator")
    logging.getLogger(name).warning("Heartbeat failed")
    assert [line["event"] for line in lines(stream)] == ["Heartbeat failed"]


@pytest.mark.parametrize(
    "key",
    ["password", "Authorization", "client_secret", "secret", "token", "access_token", "sasl_password", "private_key"],
)
def test_values_of_secret_keys_are_hidden_however_deep(stream: io.StringIO, key: str) -> None:
    structlog.get_logger("x").info("connect", **{key: "hunter2"}, inner={"list": [{key: "hunter2"}], key: ["hunter2"]})
    assert "hunter2" not in stream.getvalue()
    assert "[redacted]" in stream.getvalue()


def test_passwords_in_urls_and_bearer_tokens_in_texts_are_hidden(stream: io.StringIO) -> None:
    logging.getLogger("sqlalchemy").error("cannot reach postgresql://app:hunter2@db/x with Bearer eyJhbGciOi.x.y")
    try:
        fail(OSError("amqp://app:hunter2@db refused"))
    except OSError:
        structlog.get_logger("x").exception("failed")
    text = stream.getvalue()
    assert "hunter2" not in text
    assert "eyJhbGciOi" not in text
    assert "postgresql://app:[redacted]@db/x" in text


def test_innocent_keys_stay_readable(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("claimed", tokens=3, secretary="Ann", url="https://graph.microsoft.com/v1.0")
    (line,) = lines(stream)
    assert (line["tokens"], line["secretary"], line["url"]) == (3, "Ann", "https://graph.microsoft.com/v1.0")


def test_a_line_comes_out_whatever_is_in_it(stream: io.StringIO) -> None:
    structlog.get_logger("x").info("odd", surrogate="\ud800", thing=object(), big=2**80, nested={(1, 2): {3}})
    (line,) = lines(stream)
    assert line["event"] == "odd"


def fail_with_a_secret_at_hand(bearer: str) -> None:
    raise ValueError(len(bearer))


def test_the_console_shows_no_local_variables(stream: io.StringIO) -> None:
    console = io.StringIO()
    configure_logging(LogSettings(format="console"), service="x", stream=console)
    try:
        fail_with_a_secret_at_hand("hunter" + "2")
    except ValueError:
        structlog.get_logger("x").exception("failed")
    assert "ValueError" in console.getvalue()
    assert "hunter2" not in console.getvalue()
