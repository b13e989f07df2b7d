"""Starts the processes in order of their dependencies, restarts them, stops them in reverse order."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from onboarding_devstack.child import Child, how_it_ended
from onboarding_devstack.journal import Journal
from onboarding_devstack.system import Process

FIRST, LONGEST, HEALTHY_AFTER = 0.25, 10.0, 30.0


class Backoff:
    """Delay before a restart: none after a long run, then 0.25 s, doubling up to 10 s while the child ends early."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, lived: float) -> float:
        """Seconds to wait before the restart of a child that ran for `lived` seconds."""
        if lived >= HEALTHY_AFTER:
            self._next = 0.0
        wait = self._next
        self._next = min(max(FIRST, wait * 2), LONGEST)
        return wait


START_TIMEOUT = 120.0
FIRST_START_ATTEMPTS = 3


class Report(Protocol):
    """Receiver of events and log lines."""

    def event(self, name: str, text: str, *, failed: bool = False) -> None:
        """Report an event of process `name`."""

    def log(self, name: str, line: bytes) -> None:
        """Report a line of output of process `name`."""


class StartFailedError(Exception):
    """A process did not become ready: `name` is the process, the message the cause."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name


class Supervisor:
    """Runs a set of processes whose `needs` are among them."""

    def __init__(self, processes: Sequence[Process], journal: Journal, report: Report) -> None:
        self._processes = processes
        self._journal = journal
        self._report = report
        self._ready = {process.name: asyncio.Event() for process in processes}
        self._children: dict[str, Child] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Start every process and wait until all are ready. Raises `StartFailedError`; the caller then calls `stop`."""
        self._journal.write()
        self._keepers = [asyncio.create_task(self._keep(process), name=process.name) for process in self._processes]
        everything = asyncio.gather(*(event.wait() for event in self._ready.values()))
        try:
            await asyncio.wait([everything, *self._keepers], return_when=asyncio.FIRST_COMPLETED)
            for keeper in self._keepers:
                if keeper.done():
                    keeper.result()
        finally:
            everything.cancel()
            await asyncio.gather(everything, return_exceptions=True)
        self._journal.ready = True
        self._journal.write()

    async def watch(self) -> None:
        """Keep all processes running until cancelled."""
        await asyncio.gather(*self._keepers)

    async def stop(self) -> None:
        """Stop all processes, dependents first."""
        self._stopping = True
        self._journal.ready = False
        for level in reversed(levels(self._processes)):
            await asyncio.gather(*(self._stop(process) for process in level))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._stop(process) for process in self._processes))
        self._journal.remove()

    def kill(self) -> None:
        """Kill all children, in no order."""
        for child in self._children.values():
            child.kill()

    async def _stop(self, process: Process) -> None:
        child = self._children.get(process.name)
        if child is not None and child.running:
            await child.stop(process.stop_signal)
            self._report.event(process.name, "stopped")

    async def _keep(self, process: Process) -> None:
        backoff = Backoff()
        attempts = 0
        await self._needs(process)
        while process.setup is not None and not await self._set_up(process, process.setup):
            attempts += 1
            if attempts >= FIRST_START_ATTEMPTS:
                raise StartFailedError(process.name, f"`{_shown(process.setup)}` failed")
            await asyncio.sleep(backoff.after(0))
        while True:
            began = time.monotonic()
            ended = await self._live(process)
            if self._stopping:
                return
            if not self._journal.ready:
                attempts += 1
                if attempts >= FIRST_START_ATTEMPTS:
                    raise StartFailedError(process.name, ended)
            wait = backoff.after(time.monotonic() - began)
            again = f"restarting in {wait:g} s" if wait else "restarting"
            self._report.event(process.name, f"{ended}: {again}", failed=True)
            await asyncio.sleep(wait)
            await self._needs(process)

    async def _needs(self, process: Process) -> None:
        for name in process.needs:
            await self._ready[name].wait()

    async def _set_up(self, process: Process, command: Sequence[str]) -> bool:
        self._report.event(process.name, f"running `{_shown(command)}`")
        log = self._logger(process.name)
        child = await Child.start(command, process.environment, log, process.death_signal)
        try:
            return await child.wait() == 0
        finally:
            child.kill()

    async def _live(self, process: Process) -> str:
        """Run a process until it ends; returns a description of its end."""
        began = time.monotonic()
        try:
            await process.before_start()
            log = self._logger(process.name)
            child = await Child.start(process.command, process.environment, log, process.death_signal)
        except Exception as error:
            return f"could not be started ({_cause(error)})"
        self._children[process.name] = child
        self._journal.began(process.name, child.pid)
        end = asyncio.create_task(child.wait())
        try:
            if problem := await self._until_ready(process, child, end):
                child.kill()
                await end
                return problem
            self._ready[process.name].set()
            self._report.event(process.name, f"ready after {time.monotonic() - began:.1f} s at {process.address}")
            return f"ended unexpectedly ({how_it_ended(await end)})"
        finally:
            end.cancel()
            self._ready[process.name].clear()
            if not child.running:
                child.kill()  # kills the remaining processes of its group
                self._journal.ended(process.name)

    async def _until_ready(self, process: Process, child: Child, end: asyncio.Task[int]) -> str | None:
        """Wait until the process is ready; returns the problem that prevented it, or None."""
        deadline = time.monotonic() + START_TIMEOUT
        while not await process.ready():
            if end.done():
                return f"ended before it was ready ({how_it_ended(end.result())})"
            if time.monotonic() > deadline:
                return f"was not ready within {START_TIMEOUT:g} s"
            await asyncio.sleep(process.probe_every)
        if not child.running:
            return "ended before it was ready"
        try:
            await process.once_ready()
        except Exception as error:
            return f"was not usable ({_cause(error)})"
        return None

    def _logger(self, name: str) -> Callable[[bytes], None]:
        return lambda line: self._report.log(name, line)


def levels(processes: Sequence[Process]) -> list[list[Process]]:
    """Group the processes so that each needs only those of earlier groups. Raises `ValueError` if there is no order."""
    groups: list[list[Process]] = []
    placed: set[str] = set()
    rest = list(processes)
    while rest:
        group = [process for process in rest if placed.issuperset(process.needs)]
        if not group:
            raise ValueError(f"circular or missing dependencies: {', '.join(process.name for process in rest)}")
        groups.append(group)
        placed.update(process.name for process in group)
        rest = [process for process in rest if process.name not in placed]
    return groups


def _shown(command: Sequence[str]) -> str:
    return " ".join(["python", *command[1:]])


def _cause(error: Exception) -> str:
    output = getattr(error, "stderr", None)
    return str(output).strip() if output else f"{type(error).__name__}: {error}"
