"""The whole embedded system as one context: in it, everything is up."""

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

BROKER_PATIENCE = 15.0


def obtain(engines: Engines, say: Callable[[str], None]) -> None:
    """See to it that every engine is there: programs on this machine, or an answer. Raises `EngineError`."""
    if "postgres" not in engines.outside:
        postgres.version()
    own = engines.own_broker
    if own is not None:
        own.obtain(say)
        return
    try:
        broker.wait_until_ready(engines.broker, BROKER_PATIENCE)
    except TimeoutError as error:
        raise EngineError(
            "broker", f"no Kafka broker answers at {engines.broker}", "start it, or use --broker kafka"
        ) from error


def prepare_outside(place: Place) -> None:
    """Make the databases and their roles on a server that somebody else runs. Raises `EngineError`."""
    if "postgres" not in place.engines.outside:
        return
    try:
        postgres.create_databases(place.engines.postgres, list(databases(place).values()))
    except subprocess.CalledProcessError as error:
        said = (error.stderr or "").strip()
        shown = addresses(place)["postgres"]
        raise EngineError("postgres", f"the databases cannot be made on {shown}: {said}") from error


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
