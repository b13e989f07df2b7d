"""``make bench-peers``: this project's system and other systems do the same job, in turns in one run.

Each turn starts one system on engines of its own, warms it up, loads it, measures single runs, and stops it, so that
nothing of another system runs beside it. Ratios within one run count; absolute figures vary with the machine.
"""

import argparse
import asyncio
import json
from pathlib import Path

from tests.bench.peers.comparison import OURS, Figures, Turn, figures_of, ratios_of, show
from tests.bench.peers.running import PEERS, ours, running_peer
from tests.bench.report import machine
from tests.bench.runs import Bench

JSON = Path(".onboarding/bench-peers.json")
PYTHON = Path(".venv-peers/bin/python")


async def turn(system: str, options: argparse.Namespace) -> Turn:
    """Start a system, measure it, stop it."""
    running = ours() if system == OURS else running_peer(PEERS[system], options.python.absolute())
    async with running as target:
        bench = Bench(target)
        await bench.round(max(options.runs // 4, 1), options.clients)  # fills caches and pools
        return Turn(await bench.round(options.runs, options.clients), await bench.latencies(options.samples))


async def measure(options: argparse.Namespace) -> dict[str, list[Turn]]:
    """System → its turns; the systems take turns in each round."""
    turns: dict[str, list[Turn]] = {system: [] for system in (OURS, *options.peers)}
    for number in range(options.rounds):
        for system, taken in turns.items():
            taken.append(await turn(system, options))
            load = taken[-1].load
            print(f"round {number + 1}, {system}: {load.runs / load.total_seconds:,.0f} runs/s", flush=True)
    return turns


def write(path: Path, turns: dict[str, list[Turn]], figures: Figures, ratios: Figures) -> None:
    """Keep everything as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "figures": _as_json(figures),
        "ratios": _as_json(ratios),
        "turns": {
            system: [{"load": one_turn.load._asdict(), "latencies": one_turn.latencies} for one_turn in taken]
            for system, taken in turns.items()
        },
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _as_json(figures: Figures) -> dict[str, dict[str, dict[str, float]]]:
    return {
        figure: {system: values._asdict() for system, values in systems.items()} for figure, systems in figures.items()
    }


def main() -> None:
    """Read the command line, measure, show."""
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each system (%(default)s)")
    parser.add_argument("--runs", type=int, default=2000, help="runs in a turn (%(default)s)")
    parser.add_argument("--clients", type=int, default=32, help="HTTP clients in a closed loop (%(default)s)")
    parser.add_argument("--samples", type=int, default=200, help="single runs in a turn (%(default)s)")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="which (%(default)s)")
    parser.add_argument(
        "--python", type=Path, default=PYTHON, help="interpreter with the peers' packages (%(default)s)"
    )
    parser.add_argument("--json", type=Path, default=JSON, help="where to write (%(default)s)")
    options = parser.parse_args()
    turns = asyncio.run(measure(options))
    figures, ratios = figures_of(turns), ratios_of(turns)
    show(
        figures,
        ratios,
        f"median (least to most) of {options.rounds} turns of {options.runs} runs, {options.clients} clients",
    )
    write(options.json, turns, figures, ratios)
    print(f"written to {options.json}")


if __name__ == "__main__":
    main()
