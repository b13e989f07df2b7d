"""The supervisor with small programs of our own as children."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from onboarding_devstack.child import Child
from onboarding_devstack.journal import Journal
from onboarding_devstack.place import prepare
from onboarding_devstack.supervisor import StartFailedError, Supervisor
from onboarding_devstack.system import Process
from tests.integration.devstack.recording import Recording, until

SLEEPS = (sys.executable, "-c", "import time; print('here', flush=True); time.sleep(600)")


async def at_once() -> bool:
    return True


async def never() -> bool:
    return False


def a_process(name: str, command: tuple[str, ...] = SLEEPS, **other: object) -> Process:
    return Process(name=name, address=name, command=command, environment={}, ready=at_once, **other)


def supervised(folder: Path, report: Recording, *chosen: Process) -> Supervisor:
    return Supervisor(chosen, Journal(prepare(folder)), report)


async def test_who_needs_another_begins_after_it_and_stops_before_it(tmp_path: Path) -> None:
    report = Recording()
    supervisor = supervised(tmp_path, report, a_process("wall"), a_process("roof", needs=("wall",)))
    await supervisor.start()
    await supervisor.stop()
    events = [event.split(" after")[0] for event in report.events]
    assert events == ["wall: ready", "roof: ready", "roof: stopped", "wall: stopped"]


async def test_setup_ends_well_before_the_process_begins(tmp_path: Path) -> None:
    report = Recording()
    made = tmp_path / "made"
    setup = (sys.executable, "-c", f"import time; time.sleep(0.3); open({str(made)!r}, 'w')")
    command = (sys.executable, "-c", f"open({str(made)!r}); import time; time.sleep(600)")
    supervisor = supervised(tmp_path, report, a_process("roof", command, setup=setup))
    await supervisor.start()
    await asyncio.sleep(0.3)
    await supervisor.stop()
    assert [event for event in report.events if "ended" in event] == []


async def test_a_setup_that_keeps_failing_is_named_in_the_error(tmp_path: Path) -> None:
    setup = (sys.executable, "-c", "print('no table'); raise SystemExit(1)")
    supervisor = supervised(tmp_path, report := Recording(), a_process("roof", setup=setup))
    with pytest.raises(StartFailedError, match=r"roof: `python -c .*` failed"):
        await supervisor.start()
    await supervisor.stop()
    assert "roof: no table" in report.logged


async def test_a_process_that_keeps_exiting_before_readiness_fails_the_start(tmp_path: Path) -> None:
    dies = Process("roof", "roof", (sys.executable, "-c", "raise SystemExit(3)"), {}, ready=never)
    supervisor = supervised(tmp_path, Recording(), dies)
    with pytest.raises(StartFailedError, match=r"ended before it was ready \(exit code 3\)"):
        await supervisor.start()
    await supervisor.stop()


async def test_a_program_that_is_missing_fails_the_start(tmp_path: Path) -> None:
    supervisor = supervised(tmp_path, Recording(), a_process("roof", ("/no/such/program",)))
    with pytest.raises(StartFailedError, match="could not be started"):
        await supervisor.start()
    await supervisor.stop()


async def test_a_process_that_ends_unexpectedly_is_restarted_and_reported(tmp_path: Path) -> None:
    report = Recording()
    command = (sys.executable, "-c", "import time; time.sleep(0.3); raise SystemExit(4)")
    supervisor = supervised(tmp_path, report, a_process("roof", command))
    await supervisor.start()
    await until(lambda: sum("restarting" in event for event in report.events) >= 2)
    await supervisor.stop()
    restarts = [event for event in report.events if "ended unexpectedly (exit code 4)" in event]
    assert restarts[:2] == [
        "roof: ended unexpectedly (exit code 4): restarting",
        "roof: ended unexpectedly (exit code 4): restarting in 0.25 s",
    ]


async def test_a_child_that_ignores_sigterm_is_killed_with_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding_devstack.child.STOP_TIMEOUT", 0.2)
    ignoring = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    lines: list[bytes] = []
    child = await Child.start((sys.executable, "-c", ignoring), {}, lines.append)
    await until(lambda: lines == [b"up"])
    await child.stop(signal.SIGTERM)
    assert not child.running


async def test_a_line_of_any_length_and_any_bytes_is_read() -> None:
    lines: list[bytes] = []
    writes = r"import sys; sys.stdout.buffer.write(b'a' * 600_000 + b'\n\xff\x00\nlast')"
    child = await Child.start((sys.executable, "-c", writes), {}, lines.append)
    assert await child.wait() == 0
    assert b"".join(lines[:-2]) == b"a" * 600_000
    assert lines[-2:] == [b"\xff\x00", b"last"]
