"""`onboarding events tail` on a broker."""

import asyncio
import json
import os
import signal
import subprocess
import sys

import pytest

from onboarding_devstack.cli.app import run
from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.event_log import EventReader
from onboarding_shared.contracts.session_api import SessionStarted
from tests.support.engines import free_port, kafka_broker, kafka_settings
from tests.support.published_events import publish

TENANT, NEIGHBOUR = 918_273, 918_274


def started(tenant: int, session: int) -> SessionStarted:
    return SessionStarted(tenant_id=tenant, session_id=session, by_user_id=7)


def tail(address: str, *options: str) -> int:
    return run(["events", "tail", "--kafka", address, "--tenant", str(TENANT), *options])


def test_the_events_of_a_tenant_are_json_lines_in_a_pipe(kafka: str, capsys: pytest.CaptureFixture[str]) -> None:
    published = [started(TENANT, 1), started(NEIGHBOUR, 2), started(TENANT, 3)]
    asyncio.run(publish(kafka, published, spoilt=b"\x1b[2J"))
    capsys.readouterr()
    assert tail(kafka, "--type", "SessionStarted", "--from", "start", "--count", "2") == Exit.OK
    captured = capsys.readouterr()
    assert [json.loads(line)["data"]["session_id"] for line in captured.out.splitlines()] == [1, 3]
    assert "is no event: the value is not JSON" in captured.err


def test_ctrl_c_ends_with_130_and_without_a_traceback(kafka: str) -> None:
    line = [sys.executable, "-m", "onboarding_devstack.cli", "events", "tail", "--kafka", kafka]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reading:
        assert reading.stderr is not None
        assert "Ctrl-C ends" in reading.stderr.readline()
        os.kill(reading.pid, signal.SIGINT)
        output, errors = reading.communicate(timeout=60)
    assert (reading.returncode, output) == (130, "")
    assert "Traceback" not in errors


def test_an_address_without_a_broker_is_unreachable(capsys: pytest.CaptureFixture[str]) -> None:
    assert tail(f"127.0.0.1:{free_port()}") == Exit.UNREACHABLE
    assert "no Kafka broker answers at 127.0.0.1:" in capsys.readouterr().err


def test_a_login_without_a_password_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("KAFKA_SASL_USERNAME", "somebody")
    assert tail("127.0.0.1:9") == Exit.USAGE
    assert "KAFKA_SASL_PASSWORD must be set" in capsys.readouterr().err


async def test_a_reader_from_now_on_goes_on_after_a_loss() -> None:
    port, told = free_port(), list[str]()
    with kafka_broker(port) as address:
        await publish(address, [started(TENANT, 1), started(TENANT, 2)])
        reader = EventReader(kafka_settings(address), from_start=False, report=told.append)
        await reader.__aenter__()
        await publish(address, [started(TENANT, 3)])
        assert await sessions_read(reader, 1) == [3]
    with kafka_broker(port) as address:
        await publish(address, [started(TENANT, 4)])
        assert await sessions_read(reader, 1) == [4]
        await reader.__aexit__()
    assert any("begins again: the broker lost its records" in sentence for sentence in told)


async def sessions_read(reader: EventReader, count: int) -> list[int]:
    """The sessions of the next events."""
    sessions: list[int] = []
    async with asyncio.timeout(60):
        while len(sessions) < count:
            sessions += [event["data"]["session_id"] for event in await reader.read(0.2)]
    return sessions
