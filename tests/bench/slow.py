"""``make bench-slow``: the same load while PostgreSQL's disk and the line to Kafka are slow.

Each commit takes 10 ms longer, and whatever goes to Kafka or comes from it arrives 10 ms later. With many clients, more
work is done with each commit and each message fetched, so the throughput must fall by less than half.
"""

import argparse
from functools import partial

from tests.bench.comparison import RUNS, Goal, Goals
from tests.bench.turns import Systems, add_options, compare
from tests.bench.varied import Variation, varied_system

FAST, SLOW = "fast", "slow"
GOALS: Goals = {(RUNS, FAST): Goal(0.5, at_least=True)}


def main() -> None:
    """Read the command line, measure, show."""
    parser = argparse.ArgumentParser(prog="make bench-slow", description=__doc__)
    add_options(parser, clients=256, json_name="bench-slow.json")
    parser.add_argument("--commit", type=float, default=10.0, help="milliseconds added to a commit (%(default)s)")
    parser.add_argument("--hop", type=float, default=10.0, help="milliseconds to and from Kafka (%(default)s)")
    options = parser.parse_args()
    slow = Variation(commit_seconds=options.commit / 1000, hop_seconds=options.hop / 1000)
    systems: Systems = {FAST: partial(varied_system, Variation()), SLOW: partial(varied_system, slow)}
    compare(SLOW, systems, GOALS, options)


if __name__ == "__main__":
    main()
