"""The figures of several systems that took turns, and the ratio of ours to each of the others."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from tests.bench.report import Figure, machine, percentile
from tests.bench.runs import Round

OURS = "ours"


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
    """What the ratio of ours to a peer's is to be."""

    ratio: float
    at_least: bool


GOALS: Mapping[tuple[str, str], Goal] = {
    (RUNS, "taskiq"): Goal(1.5, at_least=True),
    (RUNS, "procrastinate"): Goal(5, at_least=True),
    (P50, "taskiq"): Goal(1.5, at_least=False),
}


def figures_of(turns: Mapping[str, Sequence[Turn]]) -> Figures:
    """The figures of each system."""
    return {
        figure: {system: spread([value(turn) for turn in taken]) for system, taken in turns.items()}
        for figure, value in MEASURED.items()
    }


def ratios_of(turns: Mapping[str, Sequence[Turn]]) -> Figures:
    """The ratios of ours to each peer's, each of two turns that followed one another."""
    return {
        figure: {
            peer: spread([value(mine) / value(theirs) for mine, theirs in zip(turns[OURS], taken, strict=True)])
            for peer, taken in turns.items()
            if peer != OURS
        }
        for figure, value in MEASURED.items()
    }


def spread(values: Sequence[float]) -> Spread:
    """The median of the values, the least and the greatest."""
    return Spread(statistics.median(values), min(values), max(values))


def verdict(figure: str, peer: str, ratio: Spread) -> str:
    """The comparison of a ratio's median with its goal, as text; empty without a goal."""
    goal = GOALS.get((figure, peer))
    return "" if goal is None else Figure(figure, ratio.median, "ratio", goal.ratio, goal.at_least).verdict


def show(figures: Figures, ratios: Figures, caption: str) -> None:
    """Print the figures of all systems, then the ratios with their goals."""
    console = Console(width=118)
    systems = list(figures[RUNS])
    table = Table("figure", *systems, title=machine(), caption=caption)
    for figure, values in figures.items():
        table.add_row(figure, *[_text(values[system]) for system in systems])
    console.print(table)
    compared = Table("ratio of ours", *[f"to {peer}" for peer in ratios[RUNS]])
    for figure, values in ratios.items():
        compared.add_row(figure, *[_judged(figure, peer, ratio) for peer, ratio in values.items()])
    console.print(compared)


def _text(values: Spread) -> str:
    median, least, most = (f"{value:,.4g}" if value < 1000 else f"{value:,.0f}" for value in values)
    return f"{median} ({least} to {most})"


def _judged(figure: str, peer: str, ratio: Spread) -> str:
    return f"{ratio.median:.2f} ({ratio.least:.2f} to {ratio.most:.2f}) {verdict(figure, peer, ratio)}".rstrip()
