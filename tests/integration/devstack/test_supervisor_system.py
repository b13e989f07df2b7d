"""The supervisor with real PostgreSQL and a real broker."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest

from onboarding_devstack.engines import broker
from onboarding_devstack.journal import leftovers, read_journal
from onboarding_devstack.place import Place
from onboarding_devstack.system import database_urls
from tests.integration.devstack.recording import Recording, engines_only, until

pytestmark = pytest.mark.system

KILLED = """
import asyncio, pathlib, sys
from tests.integration.devstack.recording import Recording, engines_only
async def main():
    async with engines_only(pathlib.Path(sys.argv[1]), Recording()):
        print("ready", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def run_sql(place: Place, statement: str) -> object:
    connection = await asyncpg.connect(database_urls(place)["session_api"], timeout=5)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def pid_of(folder: Path, name: str) -> int:
    return read_journal(folder)["processes"].get(name, 0)


async def test_a_killed_postgres_restarts_with_data_and_port(tmp_path: Path) -> None:
    report = Recording()
    async with engines_only(tmp_path, report) as (place, _):
        await run_sql(place, "CREATE TABLE kept (x int)")
        await run_sql(place, "INSERT INTO kept VALUES (7)")
        first = pid_of(tmp_path, "postgres")
        os.kill(first, signal.SIGKILL)
        await until(lambda: pid_of(tmp_path, "postgres") not in (0, first))
        await until(lambda: sum("postgres: ready" in event for event in report.events) == 2)
        assert await run_sql(place, "SELECT x FROM kept") == 7
    assert any(event.startswith("postgres: ended unexpectedly (SIGKILL)") for event in report.events)


async def test_a_killed_broker_restarts_at_the_same_address(tmp_path: Path) -> None:
    report = Recording()
    async with engines_only(tmp_path, report) as (_, _):
        first, bootstrap_servers = pid_of(tmp_path, "broker"), read_journal(tmp_path)["kafka"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: sum("broker: ready" in event for event in report.events) == 2)
        assert pid_of(tmp_path, "broker") not in (0, first)
        assert read_journal(tmp_path)["kafka"] == bootstrap_servers
        assert broker.is_ready(bootstrap_servers)


async def test_data_and_addresses_survive_a_stop_and_a_new_start(tmp_path: Path) -> None:
    async with engines_only(tmp_path, Recording()) as (place, _):
        await run_sql(place, "CREATE TABLE kept AS SELECT 7 AS x")
        before = read_journal(tmp_path)["databases"]
    async with engines_only(tmp_path, Recording()) as (place, _):
        assert await run_sql(place, "SELECT x FROM kept") == 7
        assert read_journal(tmp_path)["databases"] == before


async def test_after_a_stop_no_process_and_no_journal_is_left(tmp_path: Path) -> None:
    async with engines_only(tmp_path, Recording()):
        pids = list(read_journal(tmp_path)["processes"].values())
        assert len(pids) == 2
    assert not any(alive(pid) for pid in pids)
    assert read_journal(tmp_path) == {}


async def test_children_of_a_killed_supervisor_never_outlast_the_next_start(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path.cwd(), text=True) as supervisor:
        assert supervisor.stdout is not None
        while await asyncio.to_thread(supervisor.stdout.readline) != "ready\n":
            assert supervisor.poll() is None
        pids = read_journal(tmp_path)["processes"]
        supervisor.kill()
    if sys.platform == "linux":
        await until(lambda: not any(alive(pid) for pid in pids.values()))
    async with engines_only(tmp_path, Recording()) as (place, _):
        assert await run_sql(place, "SELECT 1") == 1
        assert not set(pids.values()) & set(read_journal(tmp_path)["processes"].values())


async def test_leftovers_of_a_killed_system_end_before_a_new_start(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as left:
        started = psutil.Process(left.pid).create_time()
        (tmp_path / "system.json").write_text(
            f'{{"processes": {{"task-runner": {left.pid}}}, "started": {{"task-runner": {started}}}}}'
        )
        assert [name for name, _ in leftovers(tmp_path)] == ["task-runner"]
        async with engines_only(tmp_path, Recording()):
            assert not alive(left.pid)


def test_a_foreign_process_with_a_recorded_pid_is_not_ended(tmp_path: Path) -> None:
    started = psutil.Process().create_time() - 3600
    (tmp_path / "system.json").write_text(
        f'{{"processes": {{"broker": {os.getpid()}}}, "started": {{"broker": {started}}}}}'
    )
    assert leftovers(tmp_path) == []
