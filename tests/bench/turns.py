"""Systems take turns in one run: each turn starts one, warms it up, measures it, and stops it.

Nothing of another system runs beside it, and the machine's changes of speed hit all systems alike.
"""

import argparse
import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.bench.comparison import Figures, Goals, Turn, figures_of, ratios_of, show
from tests.bench.report import machine
from tests.bench.runs import Bench
from tests.bench.target import Target

Systems = Mapping[str, Callable[[], AbstractAsyncContextManager[Target]]]
"""Name → what starts the system."""
Turns = Mapping[str, list[Turn]]


def add_options(parser: argparse.ArgumentParser, *, clients: int, json_name: str) -> None:
    """The options of every comparison, with these defaults."""
    path = Path(".onboarding", json_name)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each system (%(default)s)")
    parser.add_argument("--runs", type=int, default=2000, help="runs in a turn (%(default)s)")
    parser.add_argument("--clients", type=int, default=clients, help="HTTP clients in a closed loop (%(default)s)")
    parser.add_argument("--samples", type=int, default=200, help="single runs in a turn (%(default)s)")
    parser.add_argument("--json", type=Path, default=path, help="where to write (%(default)s)")


def compare(subject: str, systems: Systems, goals: Goals, options: argparse.Namespace) -> None:
    """Measure all systems, show the ratios of the subject to the others, and write everything down."""
    turns = asyncio.run(take_turns(systems, options))
    caption = f"median (least to most) of {options.rounds} turns of {options.runs} runs, {options.clients} clients"
    show(subject, turns, goals, caption)
    write(options.json, subject, turns)
    print(f"written to {options.json}")


async def take_turns(systems: Systems, options: argparse.Namespace) -> Turns:
    """System → its turns."""
    turns: Turns = {name: [] for name in systems}
    for number in range(1, options.rounds + 1):
        for name, started in systems.items():
            async with started() as target:
                turn = await measure(Bench(target), options)
            turns[name].append(turn)
            print(f"round {number}, {name}: {turn.load.runs / turn.load.total_seconds:,.0f} runs/s", flush=True)
    return turns


async def measure(bench: Bench, options: argparse.Namespace) -> Turn:
    """One turn of a system that has just been started."""
    await bench.round(max(options.runs // 4, options.clients), options.clients)  # fills caches and pools
    return Turn(await bench.round(options.runs, options.clients), await bench.latencies(options.samples))


def write(path: Path, subject: str, turns: Turns) -> None:
    """Keep everything as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "figures": _as_json(figures_of(turns)),
        f"ratios of {subject}": _as_json(ratios_of(subject, turns)),
        "turns": {
            name: [{"load": turn.load._asdict(), "latencies": turn.latencies} for turn in taken]
            for name, taken in turns.items()
        },
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _as_json(figures: Figures) -> dict[str, dict[str, dict[str, float]]]:
    return {figure: {name: values._asdict() for name, values in named.items()} for figure, named in figures.items()}
