"""``make bench-streams``: many open streams of events at one session-api, in one run.

Measured are the memory and CPU that idle streams take, and the time from the transaction of a change to its event at
the client, by the database's clock and this machine's, which are the same. Fails when a budget is not met.
"""

import argparse
import asyncio
import datetime
import json
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from tests.bench.neighbours import percentile
from tests.bench.report import machine
from tests.bench.system import bench_system
from tests.bench.usage import cpu_seconds, resident_megabytes
from tests.support.caller import Caller
from tests.support.system import System

JSON = Path(".onboarding/bench-streams.json")
SERVICE = "session-api"
CALLERS = 100
"""Each with a tenant, and with no more streams than ``ONBOARDING_STREAMS_PER_CALLER`` allows."""
SETTLE_SECONDS = 12.0
IDLE_SECONDS = 30.0
"""Two heartbeats of each stream."""
OPENED_AT_ONCE = 50
MOST_MEGABYTES = 60.0
MOST_OF_A_CORE = 0.10
MOST_MILLISECONDS = 300.0


class Measured(NamedTuple):
    """The cost of the streams: MB, the share of a core with and without them, and the milliseconds of their events."""

    streams: int
    megabytes: float
    share_without: float
    share: float
    events: int
    p50: float
    p99: float
    longest: float


class Client:
    """One stream, read without a library, so that many of them take little here."""

    def __init__(self, system: System, path: str, token: str) -> None:
        url = urlsplit(system.journal["session_api"])
        self._address = (url.hostname, url.port)
        self._request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        self.milliseconds: list[float] = []
        self._reading: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Ask, and return when the stream has begun."""
        reader, self._writer = await asyncio.open_connection(*self._address)
        self._writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head:
            raise RuntimeError(f"the stream was refused: {head.decode()}")
        self._reading = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"data: ") and (at := json.loads(line[6:]).get("time")):
                written = datetime.datetime.fromisoformat(at).timestamp()
                self.milliseconds.append(1000 * (time.time() - written))

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading
        self._writer.close()


async def idle_share(system: System) -> float:
    """The share of a core that session-api uses while nothing is to be done."""
    await asyncio.sleep(SETTLE_SECONDS)
    before, began = cpu_seconds(system)[SERVICE], time.perf_counter()
    await asyncio.sleep(IDLE_SECONDS)
    return (cpu_seconds(system)[SERVICE] - before) / (time.perf_counter() - began)


async def opened(system: System, callers: Sequence[Caller], count: int) -> list[Client]:
    """As many streams, of one tenant each in turn, opened some at a time."""
    clients = [
        Client(system, f"/tenants/{caller.tenant}/onboarding/events", caller.token)
        for caller in (callers[number % len(callers)] for number in range(count))
    ]
    for first in range(0, count, OPENED_AT_ONCE):
        await asyncio.gather(*(client.open() for client in clients[first : first + OPENED_AT_ONCE]))
    return clients


async def measure(system: System, count: int, events: int) -> Measured:
    """Everything, with the streams open since the second half."""
    callers = [system.caller(user=1_000 + number) for number in range(CALLERS)]
    warm = await opened(system, callers, len(callers))
    for client in warm:
        await client.close()
    without = await idle_share(system)
    megabytes_without = resident_megabytes(system)[SERVICE]
    clients = await opened(system, callers, count)
    share = await idle_share(system)
    megabytes = resident_megabytes(system)[SERVICE] - megabytes_without
    for number in range(events):
        caller = callers[number % len(callers)]
        session = (await caller.post("/session")).json()["id"]
        if number // len(callers) % 2:
            await caller.post(f"/session/{session}/abandon")
        await asyncio.sleep(0.02)
    await asyncio.sleep(2.0)
    times = [took for client in clients for took in client.milliseconds]
    for client in clients:
        await client.close()
    return Measured(
        count, megabytes, without, share, len(times), percentile(times, 0.5), percentile(times, 0.99), max(times)
    )


def show(measured: Measured) -> bool:
    """Print the figures beside their budgets; returns whether all are met."""
    megabytes, share, p99 = measured.megabytes, measured.share, measured.p99
    rows = [
        (f"memory of {measured.streams:,} open streams", f"{megabytes:.0f} MB", megabytes, MOST_MEGABYTES, "MB"),
        ("CPU while they are idle", f"{share:.1%} of a core", share, MOST_OF_A_CORE, ""),
        ("change to its event, p99", f"{p99:.0f} ms", p99, MOST_MILLISECONDS, "ms"),
    ]
    table = Table("figure", "measured", "budget", title=machine())
    for name, text, _, budget, unit in rows:
        table.add_row(name, text, f"{budget:g} {unit}".strip() if unit else f"{budget:.0%} of a core")
    table.add_row("CPU without streams", f"{measured.share_without:.1%} of a core", "")
    table.add_row("change to its event, p50 and longest", f"{measured.p50:.0f} and {measured.longest:.0f} ms", "")
    Console().print(table)
    return all(value <= budget for _, _, value, budget, _ in rows)


def main() -> None:
    """Read the command line, start a system, measure it."""
    parser = argparse.ArgumentParser(prog="make bench-streams", description=__doc__)
    parser.add_argument("--streams", type=int, default=1000, help="open streams (%(default)s)")
    parser.add_argument("--events", type=int, default=300, help="changes that are told (%(default)s)")
    parser.add_argument("--json", type=Path, default=JSON, help="where to write (%(default)s)")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with bench_system() as system:
        measured = asyncio.run(measure(system, options.streams, options.events))
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps({"machine": machine(), **measured._asdict()}, indent=2), encoding="utf-8")
    if not show(measured):
        sys.exit(1)


if __name__ == "__main__":
    main()
