"""Runs that lost two workers are executed apart from others."""

import asyncio
import os
import sys

import pytest
from prometheus_client import REGISTRY

from onboarding_shared.postgres.database import Database
from task_runner.domain.leases import Selection
from task_runner.isolated import Pipe
from task_runner.metrics import Measured
from task_runner.worker.isolation import Isolation
from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.support.waiting import eventually

BEATING = """
import os, sys, time
for _ in range(10):
    os.write(int(sys.argv[1]), b"\\n")
    time.sleep(0.05)
"""
HANGING = """
import os, sys, time
os.write(int(sys.argv[1]), b"\\n")
time.sleep(3600)
"""
MEASURING = """
import os, sys
pipe = int(sys.argv[1])
os.write(pipe, b'["claimed",1.0]\\n["waited",0.5,"isolated.test"]\\nnonsense\\n["nothing",1.0]\\n\\n["exec')
os.write(pipe, b'uted",2.5,"isolated.test"]\\n["settled",1.0,"isolated"]\\n')
sys.exit(int({code}))
"""
SLOW = "import time; time.sleep(3600)"


def isolation(database: Database, program: str, lease_seconds: float = 30.0) -> Isolation:
    command = (sys.executable, "-c", program)
    return Isolation(database, lease_seconds=lease_seconds, drain_seconds=0.0, command=command)


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def until_forgotten(isolated: Isolation) -> None:
    """Start the process, and turn until its end has been noticed."""
    await isolated._turn()

    async def turn() -> bool:
        if isolated._process is not None:
            await isolated._turn()
        return isolated._process is None

    await eventually(turn, equals=True, seconds=30)


async def losses(harness: RunnerHarness, run_id: int, count: int) -> None:
    await harness.apply(start(run_id, tenant_id=run_id))
    await harness.sql("UPDATE executions SET losses = :count WHERE run_id = :run", run=run_id, count=count)


async def test_runs_that_lost_two_workers_are_claimed_by_the_isolated_one_alone(harness: RunnerHarness) -> None:
    for run_id in range(1, 5):
        await losses(harness, run_id, count=run_id - 1)

    assert await harness.claimed_ids(selection=Selection.SHARED_PROCESS) == {1, 2}
    assert await harness.claimed_ids(selection=Selection.ISOLATED) == {3, 4}


async def test_a_worker_that_is_alone_claims_all(harness: RunnerHarness) -> None:
    await losses(harness, 1, count=0)
    await losses(harness, 2, count=3)

    assert await harness.claimed_ids() == {1, 2}


async def test_no_process_is_started_without_such_a_run(harness: RunnerHarness) -> None:
    await losses(harness, 1, count=1)
    isolated = isolation(harness.database, BEATING)

    await isolated._turn()

    assert isolated._process is None


async def test_another_process_follows_one_that_ended_while_runs_are_due(harness: RunnerHarness) -> None:
    await losses(harness, 1, count=2)
    isolated = isolation(harness.database, BEATING)
    pids: set[int] = set()

    async def turn() -> int:
        await isolated._turn()
        if isolated._process is not None:
            pids.add(isolated._process.pid)
        return len(pids)

    await eventually(turn, equals=2, seconds=20)
    await isolated.stop()
    assert isolated._process is None


async def test_a_process_without_a_sign_of_life_is_killed(harness: RunnerHarness) -> None:
    await losses(harness, 1, count=2)
    isolated = isolation(harness.database, HANGING, lease_seconds=0.3)
    await isolated._turn()
    process = isolated._process
    assert process is not None

    async def code() -> int | None:
        await isolated._turn()
        return process.returncode

    lost = counted("onboarding_isolated_processes_lost_total")
    await eventually(code, equals=-9, every=0.2)
    await isolated._turn()
    assert isolated._process is None
    assert counted("onboarding_isolated_processes_lost_total") == lost + 1


async def test_a_process_may_take_longer_than_a_lease_to_start(
    harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await losses(harness, 1, count=2)
    isolated = isolation(harness.database, SLOW, lease_seconds=0.1)
    await isolated._turn()
    process = isolated._process
    assert process is not None

    await asyncio.sleep(0.3)
    await isolated._turn()
    assert process.returncode is None
    monkeypatch.setattr(isolated, "_silence_allowed", 0.2)
    await isolated._turn()
    assert process.returncode == -9
    await isolated.stop()


async def test_a_stop_leaves_no_process_behind(harness: RunnerHarness) -> None:
    await losses(harness, 1, count=2)
    isolated = isolation(harness.database, HANGING)
    isolated.start()
    await eventually(lambda: _is_running(isolated), equals=True)
    process = isolated._process
    assert process is not None

    await isolated.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def _is_running(isolated: Isolation) -> bool:
    return isolated._process is not None


async def test_what_the_process_measures_counts_here(harness: RunnerHarness) -> None:
    await losses(harness, 1, count=2)
    claimed = counted("onboarding_runs_claimed_total")

    await until_forgotten(isolation(harness.database, MEASURING.format(code=0)))

    assert counted("onboarding_runs_claimed_total") == claimed + 1
    assert counted("onboarding_run_wait_seconds_sum", task_type="isolated.test") == 0.5
    assert counted("onboarding_run_execution_seconds_sum", task_type="isolated.test") == 2.5
    assert counted("onboarding_runs_settled_total", event="isolated") == 1


@pytest.mark.parametrize(("code", "lost"), [(0, 0), (1, 1), (3, 1)])
async def test_a_process_that_fails_counts_as_lost(harness: RunnerHarness, code: int, lost: int) -> None:
    await losses(harness, 1, count=2)
    before = counted("onboarding_isolated_processes_lost_total")

    await until_forgotten(isolation(harness.database, MEASURING.format(code=code)))

    assert counted("onboarding_isolated_processes_lost_total") == before + lost


def test_a_measurement_waits_for_room_in_the_pipe() -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    pipe = Pipe(writing)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writing, b"\n" * 4096)
    pipe.record(Measured("settled", label="succeed"))
    assert b"settled" not in os.read(reading, 1 << 20)
    assert pipe.beat()
    assert os.read(reading, 4096) == b'["settled",1.0,"succeed"]\n\n'
    os.close(reading)
    os.close(writing)


def test_a_pipe_without_a_reader_ends_the_process() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    pipe = Pipe(writing)
    pipe.record(Measured("claimed"))
    assert not pipe.beat()
    os.close(writing)
