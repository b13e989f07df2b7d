"""A child process: runs in its own process group, with its output read line by line."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Self

Output = Callable[[bytes], None]

PR_SET_PDEATHSIG = 1
LONGEST_LINE = 256 * 1024
STOP_TIMEOUT = 20.0
HTTP_TIMEOUT = 2.0

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """A running program. Each line of standard output and error is passed to `output`, without the line terminator."""

    def __init__(self, process: asyncio.subprocess.Process, reading: asyncio.Task[None]) -> None:
        self._process = process
        self._reading = reading

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: Output,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> Self:
        """Start `command`. On Linux the kernel sends the child `death_signal` if this process is killed.

        Raises `OSError` if the program cannot be started.
        """
        parent = os.getpid()

        def in_child() -> None:
            if _libc is not None:
                _libc.prctl(PR_SET_PDEATHSIG, int(death_signal))
                if os.getppid() != parent:
                    os._exit(1)

        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # Ctrl-C must not reach the children: the supervisor stops them in order.
            start_new_session=True,
            preexec_fn=in_child,
            limit=LONGEST_LINE,
        )
        return cls(process, asyncio.create_task(_read(process.stdout, output)))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """True until the process has ended."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for the end of the process and its output; returns the exit code, or the negated signal number."""
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            # A grandchild may still hold the pipe.
            await asyncio.wait_for(asyncio.shield(self._reading), timeout=1)
        return code

    async def stop(self, how: signal.Signals) -> None:
        """Send the signal, wait up to `STOP_TIMEOUT` seconds, then kill the process group."""
        self.send(how)
        try:
            await asyncio.wait_for(self._process.wait(), timeout=STOP_TIMEOUT)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        await self.wait()

    def send(self, how: signal.Signals) -> None:
        """Send a signal to the process only, not to its group."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(how)

    def kill(self) -> None:
        """Kill the process group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


async def _read(stream: asyncio.StreamReader | None, output: Output) -> None:
    while stream is not None:
        try:
            line = await stream.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            if end.partial:
                output(end.partial)
            return
        except asyncio.LimitOverrunError as long:
            line = await stream.readexactly(long.consumed)
        output(line.rstrip(b"\r\n"))


def how_it_ended(code: int) -> str:
    """Describe an exit code: `exit code 1`, `SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"


async def http_status(host: str, port: int, path: str) -> int | None:
    """The status of `GET path`, or None without an HTTP response within two seconds."""
    try:
        async with asyncio.timeout(HTTP_TIMEOUT):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode())
                words = (await reader.readline()).split()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else None
