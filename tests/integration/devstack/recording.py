"""A recording report, and a system of the engines alone."""

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
        self.events: list[str] = []
        self.logged: list[str] = []

    def event(self, name: str, text: str, *, failed: bool = False) -> None:
        self.events.append(f"{name}: {text}")

    def log(self, name: str, line: bytes) -> None:
        self.logged.append(f"{name}: {line.decode()}")


@asynccontextmanager
async def engines_only(folder: Path, report: Recording) -> AsyncIterator[tuple[Place, Supervisor]]:
    """PostgreSQL and the broker of the embedded system, with its supervisor."""
    end_leftovers(folder)
    place = prepare(folder)
    chosen = [process for process in processes(place) if process.name in ("postgres", "broker")]
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
