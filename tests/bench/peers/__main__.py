"""``make bench-peers``: this project's system and other systems do the same job, in turns in one run.

Ratios within one run count; absolute figures vary with the machine.
"""

import argparse
from functools import partial
from pathlib import Path

from tests.bench.comparison import P50, RUNS, Goal, Goals
from tests.bench.peers.running import PEERS, ours, running_peer
from tests.bench.turns import Systems, add_options, compare

OURS = "ours"
PYTHON = Path(".venv-peers/bin/python")
GOALS: Goals = {
    (RUNS, "taskiq"): Goal(1.5, at_least=True),
    (RUNS, "procrastinate"): Goal(5, at_least=True),
    (P50, "taskiq"): Goal(1.5, at_least=False),
}


def main() -> None:
    """Read the command line, measure, show."""
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    add_options(parser, clients=32, json_name="bench-peers.json")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS), help="which (%(default)s)")
    parser.add_argument("--python", type=Path, default=PYTHON, help="interpreter with their packages (%(default)s)")
    options = parser.parse_args()
    python = options.python.absolute()
    systems: Systems = {OURS: ours} | {name: partial(running_peer, PEERS[name], python) for name in options.peers}
    compare(OURS, systems, GOALS, options)


if __name__ == "__main__":
    main()
