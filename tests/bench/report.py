"""The output of a benchmark: each figure with its budget and with the limit of the machine."""

import json
import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench.runs import Round


class Figure(NamedTuple):
    """One measured figure; ``budget`` is an upper bound unless ``at_least``."""

    name: str
    value: float
    unit: str
    budget: float | None = None
    at_least: bool = False

    @property
    def verdict(self) -> str:
        """The comparison of the value with its budget, as text."""
        if self.budget is None:
            return ""
        kept = self.value >= self.budget if self.at_least else self.value <= self.budget
        return f"{'≥' if self.at_least else '≤'} {self.budget:g}: {'kept' if kept else 'MISSED'}"


def of_rounds(rounds: Sequence[Round], clients: int) -> list[Figure]:
    """The figures of the load: the median over the rounds."""

    def median(value: Any) -> float:
        return statistics.median(value(bench_round) for bench_round in rounds)

    cpu = [Figure(f"  {name}", median(lambda r, name=name: 1000 * r.cpu_seconds[name] / r.runs), "ms")
           for name in rounds[0].cpu_seconds]  # fmt: skip
    return [
        Figure(f"runs/s, first POST to last evidence, {clients} clients", median(lambda r: r.runs / r.total_seconds),
               "1/s", 2000, at_least=True),
        Figure("accepted starts/s", median(lambda r: r.runs / r.accept_seconds), "1/s"),
        Figure("CPU per run, all processes", median(lambda r: 1000 * sum(r.cpu_seconds.values()) / r.runs), "ms", 1.0),
        *cpu,
        Figure("write transactions per run", median(lambda r: r.written.transactions / r.runs), "", 0.4),
        Figure("WAL bytes per run", median(lambda r: r.written.wal_bytes / r.runs), "bytes"),
    ]  # fmt: skip


def of_latencies(latencies: Sequence[float]) -> list[Figure]:
    """The figures of an idle system: POST to evidence."""
    p50, p99 = percentile(latencies, 0.5), percentile(latencies, 0.99)
    return [Figure("POST to evidence, unloaded, p50", 1000 * p50, "ms", 15),
            Figure("POST to evidence, unloaded, p99", 1000 * p99, "ms", 30)]  # fmt: skip


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which this share of the ordered values is."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def of_idle(shares: Mapping[str, float], memory: Mapping[str, float], services: Sequence[str]) -> list[Figure]:
    """The figures of a system that does nothing: CPU as percent of one core, memory in MB."""
    idle = [Figure(f"idle CPU, {name}", 100 * share, "% of a core", 3 if name in services else None)
            for name, share in shares.items()]  # fmt: skip
    return idle + [Figure(f"memory after the load, {name}", memory[name], "MB", 120) for name in services]


def show(figures: Sequence[Figure], ratios: Mapping[str, float], spread: str) -> None:
    """Print the table."""
    table = Table("figure", "value", "unit", "budget", title=machine(), caption=spread)
    table.columns[1].justify = "right"
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:,.4g}" if figure.value < 100 else f"{figure.value:,.0f}",
                      figure.unit, figure.verdict)  # fmt: skip
    table.add_section()
    for name, ratio in ratios.items():
        table.add_row(name, f"{ratio:.3f}", "ratio")
    Console(width=118).print(table)


def write(path: Path, figures: Sequence[Figure], ratios: Mapping[str, float], **more: Any) -> None:
    """Keep everything as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "figures": [figure._asdict() for figure in figures],
        "ratios": dict(ratios),
        **more,
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def machine() -> str:
    """The machine in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}, " \
           f"Python {platform.python_version()}"  # fmt: skip
