"""The embedded system as a context manager."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from onboarding_devstack.engines import broker, postgres
from onboarding_devstack.engines.chosen import Engines, choose
from onboarding_devstack.engines.engine_error import EngineError
from onboarding_devstack.journal import Journal, end_leftovers
from onboarding_devstack.place import Place, exclusive, prepare
from onboarding_devstack.supervisor import Report, Supervisor
from onboarding_devstack.system import addresses, databases, processes

BROKER_TIMEOUT = 15.0


def obtain(engines: Engines, report: Callable[[str], None]) -> None:
    """Install or check every engine of the system. Raises `EngineError` if one is unavailable."""
    if "postgres" not in engines.outside:
        postgres.version()
    own = engines.own_broker
    if own is not None:
        own.obtain(report)
        return
    try:
        broker.wait_until_ready(engines.broker, BROKER_TIMEOUT)
    except TimeoutError as error:
        raise EngineError(
            "broker", f"no Kafka broker responds at {engines.broker}", "start it, or use --broker kafka"
        ) from error


def prepare_outside(place: Place) -> None:
    """Create the databases and their roles on an external server. Raises `EngineError`."""
    if "postgres" not in place.engines.outside:
        return
    try:
        postgres.create_databases(place.engines.postgres, list(databases(place).values()))
    except subprocess.CalledProcessError as error:
        cause = (error.stderr or "").strip()
        shown = addresses(place)["postgres"]
        raise EngineError("postgres", f"the databases cannot be created on {shown}: {cause}") from error


@asynccontextmanager
async def embedded_system(
    folder: Path, report: Report, broker: str | None = None, postgres: str | None = None
) -> AsyncIterator[tuple[Place, Supervisor]]:
    """Start the system on a data folder; on exit stop it, in reverse order.

    `broker` and `postgres` are fields of `Engines`; None selects those of the previous start.
    Raises `AlreadyRunningError` if another process supervises the folder, `EngineError` if an engine is unavailable,
    `StartFailedError` if a process did not become ready.
    """
    with exclusive(folder):
        for ended in await asyncio.to_thread(end_leftovers, folder):
            report.event("supervisor", f"ended {ended}, left by a killed run")
        engines = choose(folder, broker, postgres)
        await asyncio.to_thread(obtain, engines, lambda text: report.event("broker", text))
        place = await asyncio.to_thread(prepare, folder, engines)
        await asyncio.to_thread(prepare_outside, place)
        supervisor = Supervisor(processes(place), Journal(place), report)
        try:
            await supervisor.start()
            yield place, supervisor
        finally:
            await supervisor.stop()
