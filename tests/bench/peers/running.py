"""Starts this project's system, or a peer on engines of the same kind, with nothing else running beside it."""

import asyncio
import contextlib
import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from tests.bench.http_load import Connection, post
from tests.bench.system import bench_system
from tests.bench.target import TASK, Onboarding, Target
from tests.bench.usage import Written, cpu_seconds_of, written
from tests.support.children import Children
from tests.support.free_ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
PROGRAMS = "tests.bench.peers.programs"
UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
GUARDED_TENANT = 1
READY_SECONDS = 30.0
STOP_SECONDS = 10.0


class Peer(NamedTuple):
    """Another system: its program, and the command line of its worker after the name of the interpreter."""

    program: str
    worker: tuple[str, ...]
    needs_broker: bool


PEERS: Mapping[str, Peer] = {
    "taskiq": Peer(
        "on_taskiq",
        ("-m", "taskiq", "worker", f"{PROGRAMS}.on_taskiq:queue", "--workers", "1", "--log-level", "WARNING"),
        True,
    ),
    "procrastinate": Peer("on_procrastinate", ("-c", f"from {PROGRAMS}.on_procrastinate import work; work()"), False),
}


class PeerError(Exception):
    """A peer did not start, or did not do what it is compared for."""


class RunningPeer:
    """A peer's processes and its database."""

    def __init__(self, url: str, connection: "asyncpg.Connection[Any]", processes: Mapping[str, int]) -> None:
        self.urls = (url,)
        self._connection = connection
        self._processes = processes

    def requests(self, tenants: Sequence[int]) -> list[bytes]:
        return [post(f"/tenants/{tenant}/onboarding/tasks/{TASK}/runs") for tenant in tenants]

    async def recorded(self, first: int, last: int) -> int:
        query = "SELECT count(*) FROM evidence WHERE tenant_id BETWEEN $1 AND $2"
        return int(await self._connection.fetchval(query, first, last))

    def cpu_seconds(self) -> dict[str, float]:
        return cpu_seconds_of(self._processes)

    async def written(self) -> Written:
        return await written(self._connection)


@contextlib.asynccontextmanager
async def ours() -> AsyncIterator[Target]:
    """This project's embedded system."""
    with bench_system() as system:
        evidence = await asyncpg.connect(system.journal["databases"]["evidence_store"])
        try:
            yield Onboarding(system, evidence)
        finally:
            await evidence.close()


@contextlib.asynccontextmanager
async def running_peer(peer: Peer, python: Path) -> AsyncIterator[Target]:
    """A peer's HTTP process and its worker with this interpreter, on a PostgreSQL and a broker that only it uses."""
    engines = Children("embedded")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(engines.postgres_server())
        environment = {**os.environ, "PEER_DATABASE_URL": server}
        if peer.needs_broker:
            environment["PEER_BROKER"] = stack.enter_context(engines.kafka_broker(free_port()))
        program = f"{PROGRAMS}.{peer.program}"
        subprocess.run(
            [python, "-c", f"from {program} import prepare; prepare()"], cwd=ROOT, env=environment, check=True
        )

        port = free_port()
        edge = ("-m", "uvicorn", f"{program}:app", "--port", str(port), *UVICORN)
        url = f"http://127.0.0.1:{port}"
        http = stack.enter_context(_process([python, *edge], environment, folder / "http.log"))
        await _accepts(url, folder)
        await check_guard(url)
        worker = stack.enter_context(_process([python, *peer.worker], environment, folder / "worker.log"))

        connection = await asyncpg.connect(server)
        try:
            running = RunningPeer(url, connection, {"http": http, "worker": worker, **engines.processes})
            await _performs(running, folder)
            yield running
        finally:
            await connection.close()


async def check_guard(url: str) -> None:
    """Eight starts of one tenant at the same time must be answered with one run."""
    connections = [await Connection.open(url) for _ in range(8)]
    request = post(f"/tenants/{GUARDED_TENANT}/onboarding/tasks/{TASK}/runs")
    answers = set(await asyncio.gather(*[connection.request(request) for connection in connections]))
    for connection in connections:
        connection.close()
    if len(answers) != 1 or {answer.status for answer in answers} != {201}:
        raise PeerError(f"eight starts of one tenant were answered differently: {answers}")


async def _accepts(url: str, logs: Path) -> None:
    async def connects() -> bool:
        with contextlib.suppress(OSError):
            (await Connection.open(url)).close()
            return True
        return False

    await _within_time(connects, logs)


async def _performs(running: RunningPeer, logs: Path) -> None:
    async def performed() -> bool:
        return await running.recorded(GUARDED_TENANT, GUARDED_TENANT) == 1

    await _within_time(performed, logs)


async def _within_time(probe: Any, logs: Path) -> None:
    try:
        await eventually(probe, seconds=READY_SECONDS, every=0.1)
    except AssertionError as error:
        written = "\n".join(f"{log.name}:\n{log.read_text()[-3000:]}" for log in logs.glob("*.log"))
        raise PeerError(f"not ready within {READY_SECONDS:.0f} s\n{written}") from error


@contextlib.contextmanager
def _process(command: Sequence[object], environment: Mapping[str, str], log: Path) -> Iterator[int]:
    with log.open("wb") as output:
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
