"""Starts the processes in their order, keeps them running, stops them in reverse order."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from onboarding_devstack.child import Child, how_it_ended
from onboarding_devstack.journal import Journal
from onboarding_devstack.system import Process

FIRST, LONGEST, HEALTHY_AFTER = 0.25, 10.0, 30.0


class Backoff:
    """No wait after a long healthy run, then 0.25 s, doubling up to 10 s while the child keeps dying early."""

    def __init__(self) -> None:
        self._next = 0.0

    def after(self, lived: float) -> float:
        """Seconds to wait after a child that lived `lived` seconds."""
        if lived >= HEALTHY_AFTER:
            self._next = 0.0
        wait = self._next
        self._next = min(max(FIRST, wait * 2), LONGEST)
        return wait


START_PATIENCE = 120.0
FIRST_START_ATTEMPTS = 3


class Report(Protocol):
    """Who is told what happens."""

    def say(self, name: str, words: str, *, bad: bool = False) -> None:
        """Something happened to process `name`."""

    def log(self, name: str, line: bytes) -> None:
        """Process `name` wrote a line."""


class StartFailedError(Exception):
    """A process did not get ready: `name` says which, the message why."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name}: {why}")
        self.name = name


class Supervisor:
    """Runs a set of processes whose `needs` are among them."""

    def __init__(self, processes: Sequence[Process], journal: Journal, report: Report) -> None:
        self._processes = processes
        self._journal = journal
        self._report = report
        self._ready = {each.name: asyncio.Event() for each in processes}
        self._children: dict[str, Child] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Return when every process is ready. Raises `StartFailedError`; the caller then calls `stop`."""
        self._journal.write()
        self._keepers = [asyncio.create_task(self._keep(each), name=each.name) for each in self._processes]
        everything = asyncio.gather(*(event.wait() for event in self._ready.values()))
        try:
            await asyncio.wait([everything, *self._keepers], return_when=asyncio.FIRST_COMPLETED)
            for keeper in self._keepers:
                if keeper.done():
                    keeper.result()
        finally:
            everything.cancel()
        self._journal.ready = True
        self._journal.write()

    async def watch(self) -> None:
        """Keep everything running until cancelled; raises what made that impossible."""
        await asyncio.gather(*self._keepers)

    async def stop(self) -> None:
        """Stop all: whoever needs others first, those who are needed last."""
        self._stopping = True
        self._journal.ready = False
        for level in reversed(levels(self._processes)):
            await asyncio.gather(*(self._stop(each) for each in level))
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        await asyncio.gather(*(self._stop(each) for each in self._processes))
        self._journal.remove()

    def kill(self) -> None:
        """End every child at once, in no order."""
        for child in self._children.values():
            child.kill()

    async def _stop(self, process: Process) -> None:
        child = self._children.get(process.name)
        if child is not None and child.running:
            await child.stop(process.stop_signal)
            self._report.say(process.name, "stopped")

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
            again = f"starting it again in {wait:g} s" if wait else "starting it again"
            self._report.say(process.name, f"{ended}: {again}", bad=True)
            await asyncio.sleep(wait)
            await self._needs(process)

    async def _needs(self, process: Process) -> None:
        for name in process.needs:
            await self._ready[name].wait()

    async def _set_up(self, process: Process, command: Sequence[str]) -> bool:
        self._report.say(process.name, f"running `{_shown(command)}`")
        log = self._logger(process.name)
        child = await Child.start(command, process.environment, log, process.death_signal)
        try:
            return await child.wait() == 0
        finally:
            child.kill()

    async def _live(self, process: Process) -> str:
        """One life of a process; returns how it ended."""
        began = time.monotonic()
        try:
            await process.before_start()
            log = self._logger(process.name)
            child = await Child.start(process.command, process.environment, log, process.death_signal)
        except Exception as error:
            return f"could not be started ({_why(error)})"
        self._children[process.name] = child
        self._journal.began(process.name, child.pid)
        end = asyncio.create_task(child.wait())
        try:
            if problem := await self._until_ready(process, child, end):
                child.kill()
                await end
                return problem
            self._ready[process.name].set()
            self._report.say(process.name, f"ready after {time.monotonic() - began:.1f} s at {process.address}")
            return f"ended unasked ({how_it_ended(await end)})"
        finally:
            end.cancel()
            self._ready[process.name].clear()
            if not child.running:
                child.kill()  # what it left in its group
                self._journal.ended(process.name)

    async def _until_ready(self, process: Process, child: Child, end: asyncio.Task[int]) -> str | None:
        """What went wrong before it was ready, or None."""
        deadline = time.monotonic() + START_PATIENCE
        while not await process.ready():
            if end.done():
                return f"ended before it was ready ({how_it_ended(end.result())})"
            if time.monotonic() > deadline:
                return f"was not ready within {START_PATIENCE:g} s"
            await asyncio.sleep(process.probe_every)
        if not child.running:
            return "ended before it was ready"
        try:
            await process.once_ready()
        except Exception as error:
            return f"was not usable ({_why(error)})"
        return None

    def _logger(self, name: str) -> Callable[[bytes], None]:
        return lambda line: self._report.log(name, line)


def levels(processes: Sequence[Process]) -> list[list[Process]]:
    """The processes in groups: each needs only those in earlier groups. Raises `ValueError` when that cannot be."""
    groups: list[list[Process]] = []
    placed: set[str] = set()
    rest = list(processes)
    while rest:
        group = [each for each in rest if placed.issuperset(each.needs)]
        if not group:
            raise ValueError(f"these need each other, or what is not there: {', '.join(each.name for each in rest)}")
        groups.append(group)
        placed.update(each.name for each in group)
        rest = [each for each in rest if each.name not in placed]
    return groups


def _shown(command: Sequence[str]) -> str:
    return " ".join(["python", *command[1:]])


def _why(error: Exception) -> str:
    said = getattr(error, "stderr", None)
    return str(said).strip() if said else f"{type(error).__name__}: {error}"
