"""``make bench-instances``: the same load on one instance of each service and on several, on the same machine.

More instances on the same cores cannot do more; what they lose is what they cost each other.
"""

import argparse
from functools import partial

from tests.bench.comparison import RUNS, Goal, Goals
from tests.bench.turns import Systems, add_options, compare
from tests.bench.varied import Variation, varied_system

SINGLE = "1 instance"
GOALS: Goals = {(RUNS, SINGLE): Goal(0.9, at_least=True)}


def main() -> None:
    """Read the command line, measure, show."""
    parser = argparse.ArgumentParser(prog="make bench-instances", description=__doc__)
    add_options(parser, clients=32, json_name="bench-instances.json")
    parser.add_argument("--instances", type=int, default=2, help="of each service (%(default)s)")
    options = parser.parse_args()
    several = f"{options.instances} instances"
    systems: Systems = {
        SINGLE: partial(varied_system, Variation()),
        several: partial(varied_system, Variation(instances=options.instances)),
    }
    compare(several, systems, GOALS, options)


if __name__ == "__main__":
    main()
