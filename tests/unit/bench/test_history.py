"""The past that a benchmark stores before it measures."""

from itertools import pairwise

from tests.bench.growth import options_of
from tests.bench.history import portions


def test_ten_million_runs_can_be_asked_for() -> None:
    assert options_of(["--runs=10000000"]).runs == [10_000_000]
    assert options_of([]).runs == [100_000, 1_000_000]


def test_portions_hold_every_tenant_once() -> None:
    made = list(portions(1_001, 250_000))

    assert made[0] == (1_001, 101_000)
    assert made[-1] == (201_001, 251_000)
    assert all(after[0] == before[1] + 1 for before, after in pairwise(made))


def test_few_tenants_are_one_portion() -> None:
    assert list(portions(5, 3)) == [(5, 7)]
