"""A stream of starts during the kills of processes."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import httpx2

from tests.support.caller import Caller
from tests.support.system import System

CALLER_TIMEOUT = 60.0


@dataclass
class Accepted:
    """The runs that the API accepted (201): run id → tenant; and the number of answers 503."""

    runs: dict[int, int] = field(default_factory=dict)
    put_off: int = 0
    refused: list[str] = field(default_factory=list)


async def connected_callers(system: System, number: int, *, delay_seconds: float) -> list[Caller]:
    """Callers of ``number`` new tenants whose customers' tenants answer slowly, so that a kill finds work under way."""
    callers = [system.caller() for _ in range(number)]
    await asyncio.gather(*(caller.connect("slow", delay_seconds=delay_seconds) for caller in callers))
    return callers


async def start_one_by_one(callers: list[Caller], accepted: Accepted, *, every: float = 0.1) -> None:
    """One start per caller, as a wizard would: what could not be reached, or was put off, is asked again."""
    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(_start(caller, accepted))
            await asyncio.sleep(every)


async def _start(caller: Caller, accepted: Accepted) -> None:
    deadline = time.monotonic() + CALLER_TIMEOUT
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            answer = await caller.post("/tasks/graph.connectivity/runs")
            if answer.status_code == 201:
                accepted.runs[answer.json()["run_id"]] = caller.tenant
                return
            if answer.status_code != 503:
                accepted.refused.append(f"{answer.status_code} {answer.text}")
                return
        accepted.put_off += 1
        await asyncio.sleep(0.2)
    accepted.refused.append(f"tenant {caller.tenant}: nothing within {CALLER_TIMEOUT} s")


async def close(callers: list[Caller]) -> None:
    """Close all connections."""
    await asyncio.gather(*(caller.http.aclose() for caller in callers))
