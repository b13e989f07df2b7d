"""Starts a process of its own for runs that lost two workers, so that only they are harmed if it dies."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence

import msgspec
import structlog

from onboarding_shared.postgres.database import Database
from onboarding_shared.process.loop import Loop
from task_runner import metrics
from task_runner.metrics import Measured
from task_runner.store.claims import isolated_runs_due

COMMAND = (sys.executable, "-P", "-m", "task_runner.isolated")
STALLED_SECONDS = 60.0
START_SECONDS = 60.0
"""The time until the first sign of life, which comes after its imports; on a busy machine they take long."""
_LOOK_SECONDS = 2.0
_WATCH_SECONDS = 0.5
_STOP_SECONDS = 5.0
_BLOCK_BYTES = 64 * 1024

_log = structlog.get_logger(__name__)


class Isolation:
    """Runs the process while such runs are due. A process that shows no sign of life for a lease is killed.

    Its sign of life is a line through a pipe, each second. Lines that are not empty are measurements, which count as
    those of this process. When this process dies, the pipe breaks, and the other one ends.
    """

    def __init__(
        self, database: Database, *, lease_seconds: float, drain_seconds: float, command: Sequence[str] = COMMAND
    ) -> None:
        """``command`` is called with the number of the file descriptor of the pipe."""
        self._database = database
        self._lease_seconds = lease_seconds
        self._drain_seconds = drain_seconds
        self._command = tuple(command)
        self._process: asyncio.subprocess.Process | None = None
        self._pipe = -1
        self._received = b""
        self._silent_from = 0.0
        self._silence_allowed = START_SECONDS
        self.loop = Loop("isolate", self._turn, count_failure=metrics.count_failures_of("isolate"))

    def stalled_loops(self) -> list[str]:
        """The name of the loop if it has ended, or its next turn is overdue by more than a minute."""
        return [] if self.loop.alive and self.loop.seconds_overdue <= STALLED_SECONDS else [self.loop.name]

    def start(self) -> None:
        """Start to look for such runs."""
        self.loop.start()

    async def stop(self) -> None:
        """Let the process drain as this one does, then kill it."""
        await self.loop.stop()
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), self._drain_seconds + _STOP_SECONDS)
        await self._kill()
        self._read()
        self._forget()

    async def _turn(self) -> float:
        if self._process is None:
            if not await self._database.run_single(isolated_runs_due):
                return _LOOK_SECONDS
            await self._begin()
        elif self._process.returncode is not None:
            self._note_end(self._process.returncode)
        elif not self._is_heard():
            _log.error("isolated_process_hangs", seconds=self._silence_allowed)
            await self._kill()
        return _WATCH_SECONDS

    async def _begin(self) -> None:
        self._pipe, theirs = os.pipe()
        try:
            os.set_blocking(self._pipe, False)
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                str(theirs),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs,),
                start_new_session=True,
            )
        except OSError:
            self._forget()
            raise
        finally:
            os.close(theirs)
        self._silent_from, self._silence_allowed = time.monotonic(), START_SECONDS
        metrics.ISOLATED.inc()
        _log.warning("isolated_process_started", pid=self._process.pid)

    def _note_end(self, code: int) -> None:
        self._read()
        write = _log.info if code == 0 else _log.error
        write("isolated_process_ended", exit_code=code)
        if code != 0:
            metrics.ISOLATED_LOST.inc()
        self._forget()

    def _is_heard(self) -> bool:
        if self._read():
            self._silent_from, self._silence_allowed = time.monotonic(), self._lease_seconds
        return time.monotonic() - self._silent_from < self._silence_allowed

    def _read(self) -> bool:
        """Take in what is in the pipe. False if there was nothing."""
        heard = False
        with contextlib.suppress(BlockingIOError):
            while block := os.read(self._pipe, _BLOCK_BYTES):
                heard = True
                *lines, self._received = (self._received + block).split(b"\n")
                for line in filter(None, lines):
                    self._record(line)
        return heard

    @staticmethod
    def _record(line: bytes) -> None:
        """Count a measurement. The memory of a process that dies may be wrong, so anything may be on a line."""
        try:
            metrics.record(msgspec.json.decode(line, type=Measured))
        except (msgspec.MsgspecError, KeyError, ValueError) as error:
            _log.warning("isolated_measurement_unusable", reason=repr(error))

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    def _forget(self) -> None:
        os.close(self._pipe)
        self._process, self._pipe, self._received = None, -1, b""
