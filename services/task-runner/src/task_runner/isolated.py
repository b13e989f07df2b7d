"""Executes, one at a time, the runs that lost two workers, in a process that task-runner starts and watches.

``python -m task_runner.isolated DESCRIPTOR``; the descriptor is that of a pipe for signs of life and measurements. The
process ends when it is idle. If such a run kills it, or makes it hang, no other run is harmed.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.settings import load
from onboarding_shared.service import recorded_traces
from onboarding_shared.telemetry.logging import change_level_on_signals, configure_logging
from onboarding_shared.web.server import run
from task_runner.domain.leases import Selection
from task_runner.metrics import Measured
from task_runner.providers import Providers
from task_runner.providers.from_settings import provider_settings
from task_runner.settings import TaskRunnerSettings
from task_runner.tasks.registry import configured, installed, without
from task_runner.worker.worker import Worker, WorkerLimits

SERVICE = "task-runner"
IDLE_SECONDS = 5.0
BEAT_SECONDS = 1.0


class Pipe:
    """Tells the other process that this one is alive, and what it measures: lines, which are empty or a measurement."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unsent = b""

    def record(self, measured: Measured) -> None:
        """Tell a measurement. What the pipe has no room for is sent with the next sign of life."""
        with contextlib.suppress(OSError):
            self._send(msgspec.json.encode(measured) + b"\n")

    def beat(self) -> bool:
        """Give a sign of life. False if the other process is gone."""
        try:
            self._send(b"\n")
        except OSError:
            return False
        return True

    def _send(self, line: bytes) -> None:
        self._unsent += line
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[os.write(self._descriptor, self._unsent) :]


async def work(settings: TaskRunnerSettings, pipe: Pipe) -> None:
    """Execute runs until none has been due for ``IDLE_SECONDS``, a signal says stop, or the other process is gone."""
    database = Database(settings.database.url, application_name=f"{SERVICE}-isolated", pool_size=2)
    providers = Providers(provider_settings(settings.outside, settings.gdap, concurrency=1))
    providers.bindings.read()
    worker = Worker(
        database,
        Outbox(),
        configured(without(installed(), settings.tasks.left_out)).tasks,
        providers.context_of_run,
        replace(WorkerLimits(**settings.worker.model_dump()), concurrency=1),
        name=f"{socket.gethostname()}/{os.getpid()}/isolated",
        selection=Selection.ISOLATED,
        record=pipe.record,
    )
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    change_level_on_signals()
    worker.start()
    await _until_idle(worker, pipe, stopped)
    await worker.stop()
    await providers.close()
    await database.close()


async def _until_idle(worker: Worker, pipe: Pipe, stopped: asyncio.Event) -> None:
    busy = time.monotonic()
    while not stopped.is_set() and time.monotonic() - busy < IDLE_SECONDS:
        if worker.pool.attempts():
            busy = time.monotonic()
        if not pipe.beat():
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), BEAT_SECONDS)


def main() -> None:
    """Run the process. Where memory is short, the kernel ends it before others."""
    descriptor = int(sys.argv[1])
    os.set_blocking(descriptor, False)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    settings = load(TaskRunnerSettings)
    configure_logging(settings.log, service=SERVICE)
    with recorded_traces(SERVICE, settings.tracing):
        run(work(settings, Pipe(descriptor)))


if __name__ == "__main__":
    main()
