"""The figures of several systems that took turns, and the ratios of one of them to each of the others."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.bench.report import Figure, machine, percentile
from tests.bench.runs import Round


class Turn(NamedTuple):
    """One system's measurements from its start to its stop: a round of load, then latencies in increasing order."""

    load: Round
    latencies: Sequence[float]


class Spread(NamedTuple):
    """A figure over all turns."""

    median: float
    least: float
    most: float


Figures = Mapping[str, Mapping[str, Spread]]
"""Figure → system → its values."""


RUNS = "runs/s, first POST to last evidence"
CPU = "CPU per run, all processes, ms"
P50 = "POST to evidence, unloaded, p50, ms"
MEASURED: Mapping[str, Callable[[Turn], float]] = {
    RUNS: lambda turn: turn.load.runs / turn.load.total_seconds,
    "accepted starts/s": lambda turn: turn.load.runs / turn.load.accept_seconds,
    CPU: lambda turn: 1000 * sum(turn.load.cpu_seconds.values()) / turn.load.runs,
    P50: lambda turn: 1000 * percentile(turn.latencies, 0.5),
    "POST to evidence, unloaded, p99, ms": lambda turn: 1000 * percentile(turn.latencies, 0.99),
    "write transactions per run": lambda turn: turn.load.written.transactions / turn.load.runs,
    "WAL bytes per run": lambda turn: turn.load.written.wal_bytes / turn.load.runs,
}


class Goal(NamedTuple):
    """The goal for the ratio to another system."""

    ratio: float
    at_least: bool


Goals = Mapping[tuple[str, str], Goal]
"""Figure and other system → goal."""


def figures_of(turns: Mapping[str, Sequence[Turn]]) -> Figures:
    """The figures of each system."""
    return {
        figure: {system: spread([value(turn) for turn in taken]) for system, taken in turns.items()}
        for figure, value in MEASURED.items()
    }


def ratios_of(subject: str, turns: Mapping[str, Sequence[Turn]]) -> Figures:
    """The ratios of the subject to each other system, each of two turns that followed one another."""
    return {
        figure: {
            other: spread([value(mine) / value(theirs) for mine, theirs in zip(turns[subject], taken, strict=True)])
            for other, taken in turns.items()
            if other != subject
        }
        for figure, value in MEASURED.items()
    }


def spread(values: Sequence[float]) -> Spread:
    """The median of the values, the least and the greatest."""
    return Spread(statistics.median(values), min(values), max(values))


def verdict(goal: Goal | None, ratio: Spread) -> str:
    """The comparison of a ratio's median with its goal, as text; empty without a goal."""
    return "" if goal is None else Figure("", ratio.median, "ratio", goal.ratio, goal.at_least).verdict


def show(subject: str, turns: Mapping[str, Sequence[Turn]], goals: Goals, caption: str) -> None:
    """Print the figures of all systems, then the ratios of the subject with their goals."""
    console = Console(width=118)
    table = Table("figure", *turns, title=machine(), caption=caption)
    for figure, systems in figures_of(turns).items():
        table.add_row(figure, *[_text(systems[system]) for system in turns])
    console.print(table)
    others = [system for system in turns if system != subject]
    compared = Table(f"ratio of {subject}", *[f"to {other}" for other in others])
    for figure, ratios in ratios_of(subject, turns).items():
        compared.add_row(figure, *[_judged(ratios[other], goals.get((figure, other))) for other in others])
    console.print(compared)


def _text(values: Spread) -> str:
    median, least, most = (f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in values)
    return f"{median} ({least} to {most})"


def _judged(ratio: Spread, goal: Goal | None) -> str:
    return f"{ratio.median:.2f} ({ratio.least:.2f} to {ratio.most:.2f}) {verdict(goal, ratio)}".rstrip()
