"""The whole embedded system as one context: in it, everything is up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from onboarding_shared.devstack.engines import choose
from onboarding_shared.devstack.journal import Journal
from onboarding_shared.devstack.leftovers import end_leftovers
from onboarding_shared.devstack.lock import exclusive
from onboarding_shared.devstack.outside import obtain, prepare_outside
from onboarding_shared.devstack.place import Place, prepare
from onboarding_shared.devstack.supervisor import Report, Supervisor
from onboarding_shared.devstack.system import processes


@asynccontextmanager
async def embedded_system(
    folder: Path, report: Report, broker: str | None = None, postgres: str | None = None
) -> AsyncIterator[tuple[Place, Supervisor]]:
    """Start the system on a data folder; at the end stop it, in reverse order.

    `broker` and `postgres` are engines as `Engines` has them; None: those of the start before.
    Raises `AlreadyRunningError` when another process supervises the folder, `EngineError` when an engine cannot be
    had, `StartFailedError` when something did not get ready.
    """
    with exclusive(folder):
        for ended in await asyncio.to_thread(end_leftovers, folder):
            report.say("supervisor", f"ended {ended}, which a killed run had left")
        engines = choose(folder, broker, postgres)
        await asyncio.to_thread(obtain, engines, lambda words: report.say("broker", words))
        place = await asyncio.to_thread(prepare, folder, engines)
        await asyncio.to_thread(prepare_outside, place)
        supervisor = Supervisor(processes(place), Journal(place), report)
        try:
            await supervisor.start()
            yield place, supervisor
        finally:
            await supervisor.stop()
