"""Before the processes start: programs that have to be fetched, and engines that somebody else runs."""

import subprocess
from collections.abc import Callable

from onboarding_shared.devstack import broker, postgres
from onboarding_shared.devstack.engine_error import EngineError
from onboarding_shared.devstack.engines import Engines
from onboarding_shared.devstack.place import Place
from onboarding_shared.devstack.system import addresses, databases

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
