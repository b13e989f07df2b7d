"""The figures of a fleet, each beside its goal."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.bench.fleet_customers import CHECKS
from tests.bench.fleet_rounds import FleetRound
from tests.bench.report import Figure, machine

MICROSOFT = "graph"
"""The process of the emulator, which is no part of the system."""


class Fleet(NamedTuple):
    """The measured rounds: the healthy customers alone, and beside the sick. ``latency`` is in ms."""

    customers: int
    concurrency: int
    latency: int
    healthy: FleetRound
    beside: FleetRound


def rate(measured: FleetRound) -> float:
    """Checks per second, from the first start to the last evidence."""
    return measured.checks / measured.seconds


def figures_of(fleet: Fleet) -> list[Figure]:
    """All figures; those with a goal first."""
    healthy = fleet.healthy
    per_check = {name: 1000 * spent / healthy.checks for name, spent in healthy.cpu_seconds.items()}
    sets = healthy.checks / len(CHECKS)
    requests = (healthy.requests + healthy.partner_requests) / sets
    limit = fleet.concurrency * len(CHECKS) / (requests * fleet.latency / 1000)
    slower = 100 * (1 - rate(fleet.beside) / rate(healthy))
    own = sum(cost for name, cost in per_check.items() if name != MICROSOFT)
    return [
        Figure("checks/s, first start to last evidence", rate(healthy), "1/s", 100, at_least=True),
        Figure("CPU a check, all processes but the emulator", own, "ms", 8),
        *[Figure(f"  {name}", cost, "ms") for name, cost in per_check.items()],
        Figure("Graph requests a customer", requests, "", 20),
        Figure("  of them in the partner's tenant", healthy.partner_requests / sets, ""),
        Figure("slower beside three sick customers", slower, "%", 10),
        Figure("limit: requests x latency / concurrency", limit, "1/s"),
        *[Figure(f"memory of {name}", size, "MB") for name, size in healthy.megabytes.items()],
    ]


def failed(figures: Sequence[Figure]) -> bool:
    """True if a goal is missed."""
    return any(figure.verdict.endswith("MISSED") for figure in figures)


def show(fleet: Fleet, figures: Sequence[Figure]) -> None:
    """Print the figures, and what the checks said."""
    table = Table("a fleet", "measured", "", "goal", title=machine(), caption=f"{fleet.customers:,} customers")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:,.1f}", figure.unit, figure.verdict)
    console = Console(width=110)
    console.print(table)
    for name, measured in (("healthy", fleet.healthy), ("beside the sick", fleet.beside)):
        said = ", ".join(f"{count:,} {verdict}" for verdict, count in measured.statuses.items())
        console.print(f"{name}: {measured.seconds:.1f} s; {said}")
