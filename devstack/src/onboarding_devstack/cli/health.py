"""Determines the health of the processes of an embedded system."""

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from onboarding_devstack.child import http_status
from onboarding_devstack.cli.located import Running
from onboarding_devstack.engines import broker, postgres
from onboarding_devstack.journal import same_process
from onboarding_devstack.place import Place
from onboarding_devstack.ports import HOST
from onboarding_devstack.system import PROCESSES, addresses


@dataclass(frozen=True)
class ProcessHealth:
    """The current state of a process. Times in seconds, memory in bytes."""

    name: str
    state: str
    """`ready`, `not ready` or `gone`. An external engine has no pid, age and memory."""
    pid: int | None
    address: str
    up_seconds: float | None
    memory_bytes: int | None

    def as_json(self) -> dict[str, Any]:
        """The object that `status --json` prints."""
        return asdict(self)


def is_healthy(place: Place, name: str) -> bool:
    """True if process `name` responds and is ready."""
    if name == "postgres" and name in place.engines.outside:
        return postgres.answers(place.engines.postgres)
    if name == "postgres":
        return postgres.is_ready(place.postgres) and postgres.running(place.postgres) is not None
    if name == "broker":
        return broker.is_ready(addresses(place)["broker"])
    return asyncio.run(http_status(HOST, place.ports[name], "/health/ready")) == 200


def health_of(system: Running) -> list[ProcessHealth]:
    """The health of all processes of a system."""
    return [_health(system, name) for name in PROCESSES]


def _health(system: Running, name: str) -> ProcessHealth:
    address = addresses(system.place)[name]
    if name in system.place.engines.outside:
        state = "ready" if is_healthy(system.place, name) else "not ready"
        return ProcessHealth(name, state, None, address, None, None)
    pid = system.journal["processes"].get(name)
    started = float(system.journal["started"].get(name, 0.0))
    process = same_process(int(pid), started) if pid else None
    if process is None:
        return ProcessHealth(name, "gone", None, address, None, None)
    state = "ready" if is_healthy(system.place, name) else "not ready"
    return ProcessHealth(name, state, process.pid, address, time.time() - started, process.memory_info().rss)
