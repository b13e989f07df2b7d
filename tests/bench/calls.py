"""The calls of Python functions in each service for a run: more on a busy machine, where batches are smaller."""

import argparse
import asyncio
import contextlib
import pstats
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import asyncpg
import psutil

from onboarding_devstack.system import SERVICES
from tests.bench.runs import Bench
from tests.bench.system import bench_system
from tests.bench.target import Onboarding
from tests.support.system import System
from tests.support.waiting import eventually

PROFILED = Path(__file__).parent / "profiled"
NO_REPEATS = {"ONBOARDING_SILENCE_SECONDS": "600", "ONBOARDING_CONFIRM_SECONDS": "600"}
"""On a busy machine a run may last longer than the time after which its messages are sent again."""
BUILT_IN = "~"
"""The file name of functions that are not written in Python."""


class Calls(NamedTuple):
    """The calls of one function, of one run."""

    function: str
    number: float


class ServiceCalls(NamedTuple):
    """The calls of Python functions in one service."""

    total: float
    most_called: tuple[Calls, ...]


def of_profile(file: Path, runs: int, most: int) -> ServiceCalls:
    """The calls a run in a profile of ``runs`` runs, and the ``most`` functions with the most calls."""
    entries = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]
    numbers = {where: calls for where, (_, calls, *_) in entries.items() if where[0] != BUILT_IN}
    ordered = sorted(numbers.items(), key=lambda entry: entry[1], reverse=True)[:most]
    named = tuple(Calls(_name(*where), calls / runs) for where, calls in ordered)
    return ServiceCalls(sum(numbers.values()) / runs, named)


def _name(file: str, line: int, function: str) -> str:
    return f"{'/'.join(Path(file).parts[-3:])}:{line} {function}"


@contextlib.contextmanager
def profiled_system() -> Iterator[tuple[System, Path]]:
    """The system of a benchmark, whose services write a profile when they are told to, and the folder of profiles."""
    with tempfile.TemporaryDirectory() as folder, bench_system(PROFILED, BENCH_PROFILES=folder, **NO_REPEATS) as system:
        yield system, Path(folder)


async def calls_of_a_run(
    system: System, folder: Path, *, runs: int, clients: int, most: int = 10
) -> Mapping[str, ServiceCalls]:
    """Service → its calls, measured over ``runs`` runs of new tenants after a quarter of that to warm up."""
    files = {name: folder / f"{system.pid(name)}.stats" for name in SERVICES}
    for file in files.values():
        file.unlink(missing_ok=True)
    evidence = await asyncpg.connect(system.journal["databases"]["evidence_store"])
    bench = Bench(Onboarding(system, evidence))
    try:
        await bench.round(runs // 4, clients)
        _toggle(system)
        await bench.round(runs, clients)
        _toggle(system)
    finally:
        await evidence.close()

    async def written() -> bool:
        return all(file.exists() for file in files.values())

    await eventually(written, seconds=30)
    return {name: of_profile(file, runs, most) for name, file in files.items()}


def _toggle(system: System) -> None:
    for name in SERVICES:
        psutil.Process(system.pid(name)).send_signal(signal.SIGHUP)


def show(calls: Mapping[str, ServiceCalls]) -> str:
    """The figures as lines of text."""
    lines = []
    for name, service in calls.items():
        lines.append(f"{name}: {service.total:,.0f} calls of Python functions a run, of them")
        lines += [f"  {entry.number:7.1f}  {entry.function}" for entry in service.most_called]
    return "\n".join([*lines, f"all services: {sum(service.total for service in calls.values()):,.0f}"])


def main() -> None:
    """Read the command line, start a system, count."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.calls", description=__doc__)
    parser.add_argument("--runs", type=int, default=3000, help="runs that are counted (%(default)s)")
    parser.add_argument("--clients", type=int, default=64, help="HTTP clients in a closed loop (%(default)s)")
    parser.add_argument("--most", type=int, default=40, help="functions that are shown of each service (%(default)s)")
    options = parser.parse_args()
    with profiled_system() as (system, folder):
        counted = calls_of_a_run(system, folder, runs=options.runs, clients=options.clients, most=options.most)
        print(show(asyncio.run(counted)))


if __name__ == "__main__":
    main()
