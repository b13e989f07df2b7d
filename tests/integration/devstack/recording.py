"""A report that remembers, and the engines of a place as a small system of their own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from onboarding_devstack.journal import Journal, end_leftovers
from onboarding_devstack.place import Place, prepare
from onboarding_devstack.supervisor import Supervisor
from onboarding_devstack.system import processes


class Recording:
    """Keeps every event and log line."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.logged: list[str] = []

    def event(self, name: str, text: str, *, failed: bool = False) -> None:
        self.said.append(f"{name}: {text}")

    def log(self, name: str, line: bytes) -> None:
        self.logged.append(f"{name}: {line.decode()}")


@asynccontextmanager
async def engines_only(folder: Path, report: Recording) -> AsyncIterator[tuple[Place, Supervisor]]:
    """PostgreSQL and the broker of the embedded system, supervised as in the whole."""
    end_leftovers(folder)
    place = prepare(folder)
    chosen = [each for each in processes(place) if each.name in ("postgres", "broker")]
    supervisor = Supervisor(chosen, Journal(place), report)
    try:
        await supervisor.start()
        yield place, supervisor
    finally:
        await supervisor.stop()


async def until(what: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until `what` holds; raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.05)
