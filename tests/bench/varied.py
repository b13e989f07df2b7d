"""The embedded system with more instances of its services, or with a slower PostgreSQL and Kafka."""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import asyncpg

from onboarding_devstack.child import http_status
from onboarding_devstack.engines import broker
from onboarding_devstack.journal import Journal
from onboarding_devstack.place import Place, prepare
from onboarding_devstack.supervisor import Supervisor
from onboarding_devstack.system import CALLER_RATE, SERVICES, Process, processes
from tests.bench.system import NOOP
from tests.bench.target import Onboarding, Target
from tests.support import task_package
from tests.support.free_ports import free_port
from tests.support.slow_relay import HOST
from tests.support.system import System

ROOT = Path(__file__).parents[2]
RELAY = "relay"
LOADED = {CALLER_RATE: "0", "ONBOARDING_HTTP_MAX_CONNECTIONS_PER_ADDRESS": "1000"}
"""Settings for a load of which all requests have one caller and one address."""


class Variation(NamedTuple):
    """The differences from the embedded system as it is."""

    instances: int = 1
    """Of each service."""
    commit_seconds: float = 0.0
    """By which each flush of PostgreSQL's write-ahead log takes longer; commits at the same time share one."""
    hop_seconds: float = 0.0
    """By which everything between the services and Kafka arrives later, in each direction."""


class _Quiet:
    """Shows failures only."""

    def event(self, name: str, text: str, *, failed: bool = False) -> None:
        if failed:
            print(f"{name}: {text}", file=sys.stderr)

    def log(self, name: str, line: bytes) -> None:
        """Log lines are not kept."""


@contextlib.asynccontextmanager
async def varied_system(variation: Variation) -> AsyncIterator[Target]:
    """The embedded system with this variation and the task that does nothing, stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="onb-varied-") as folder:
        site = task_package.install(Path(folder), NOOP)
        place = prepare(Path(folder, "data"))
        described = varied(place, variation, {"PYTHONPATH": str(site), **LOADED})
        supervisor = Supervisor(described, Journal(place), _Quiet())
        try:
            await supervisor.start()
            urls = [process.address for process in described if process.name.startswith("session-api")]
            system = System(place.folder)
            evidence = await asyncpg.connect(system.journal["databases"]["evidence_store"])
            try:
                yield Onboarding(system, evidence, urls=urls)
            finally:
                await evidence.close()
        finally:
            await supervisor.stop()


def varied(place: Place, variation: Variation, settings: Mapping[str, str]) -> list[Process]:
    """The processes of the system at ``place``, with the variation and these variables for the services."""
    named = {process.name: process for process in processes(place)}
    relay_port = free_port() if variation.hop_seconds else None
    if variation.commit_seconds:
        named["postgres"] = _with_slow_commits(named["postgres"], variation.commit_seconds)
    if relay_port is not None:
        settings = {**settings, "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{relay_port}"}
        named["broker"] = _advertised_at(named["broker"], relay_port)
        named[RELAY] = _relay(relay_port, place.ports["broker"], variation.hop_seconds)
    for name in SERVICES:
        needs = named[name].needs if relay_port is None else (*named[name].needs, RELAY)
        first = replace(named[name], environment={**named[name].environment, **settings}, needs=needs)
        named |= {name: first} | {
            f"{name}-{number}": _another(first, f"{name}-{number}") for number in range(2, variation.instances + 1)
        }
    return list(named.values())


def _another(first: Process, name: str) -> Process:
    """One more instance of a service, which starts once the first has made the tables."""
    port = free_port()

    async def ready() -> bool:
        return await http_status(HOST, port, "/health/ready") == 200

    environment = {**first.environment, "ONBOARDING_PORT": str(port)}
    return replace(
        first,
        name=name,
        address=f"http://{HOST}:{port}",
        environment=environment,
        ready=ready,
        setup=None,
        needs=(*first.needs, first.name),
    )


def _with_slow_commits(server: Process, seconds: float) -> Process:
    delay = [f"--commit_delay={round(seconds * 1_000_000)}", "--commit_siblings=0"]
    return replace(server, command=(*server.command, *delay))


def _advertised_at(own: Process, port: int) -> Process:
    """The broker tells its clients to connect to ``port``."""
    option = "--advertised-listener-url="
    told = tuple(f"{option}tcp://{HOST}:{port}" if part.startswith(option) else part for part in own.command)
    return replace(own, command=told)


def _relay(port: int, target_port: int, seconds: float) -> Process:
    address = f"{HOST}:{port}"

    async def ready() -> bool:
        return await asyncio.to_thread(broker.is_ready, address)  # through the relay

    numbers: Sequence[str] = (str(port), str(target_port), str(seconds))
    return Process(
        name=RELAY,
        address=address,
        command=(sys.executable, "-m", "tests.support.slow_relay", *numbers),
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
        ready=ready,
        needs=("broker",),
    )
