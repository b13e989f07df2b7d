"""The comparison of this project's system with others, computed from turns."""

import tomllib
from pathlib import Path

import pytest

from tests.bench.comparison import CPU, P50, RUNS, Goal, Spread, Turn, figures_of, ratios_of, show, spread, verdict
from tests.bench.peers.__main__ import GOALS
from tests.bench.runs import Round
from tests.bench.usage import Written

ROOT = Path(__file__).parents[3]


def turn(seconds: float, *, cpu: float = 1.0, latency: float = 0.010) -> Turn:
    """A turn of 100 runs that took ``seconds``."""
    load = Round(100, seconds / 2, seconds, {"http": cpu / 2, "worker": cpu / 2}, Written(300, 80_000))
    return Turn(load, [latency] * 10)


def test_a_figure_is_the_median_of_all_turns_with_its_spread() -> None:
    figures = figures_of({"ours": [turn(0.5), turn(0.2), turn(0.25)]})

    assert figures[RUNS]["ours"] == Spread(400, 200, 500)
    assert figures[CPU]["ours"] == Spread(10, 10, 10)
    assert figures["write transactions per run"]["ours"] == Spread(3, 3, 3)
    assert figures["WAL bytes per run"]["ours"] == Spread(800, 800, 800)


def test_percentiles_of_latencies_are_in_milliseconds() -> None:
    loaded = turn(0.5)._replace(latencies=[number / 1000 for number in range(1, 201)])

    figures = figures_of({"ours": [loaded]})

    assert figures[P50]["ours"].median == pytest.approx(101)
    assert figures["POST to evidence, unloaded, p99, ms"]["ours"].median == pytest.approx(199)


def test_ratios_are_of_turns_that_followed_one_another() -> None:
    # The machine was ten times as fast in the second round; ours was twice and four times as fast as the peer.
    turns = {"ours": [turn(1.0), turn(0.1)], "taskiq": [turn(2.0), turn(0.4)]}

    assert ratios_of("ours", turns)[RUNS] == {"taskiq": Spread(3, 2, 4)}


def test_a_ratio_of_latencies_above_one_means_slower() -> None:
    turns = {"ours": [turn(1.0, latency=0.03)], "taskiq": [turn(1.0, latency=0.01)]}

    assert ratios_of("ours", turns)[P50]["taskiq"].median == pytest.approx(3)


def test_systems_without_the_same_number_of_turns_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratios_of("ours", {"ours": [turn(1.0)], "taskiq": []})


@pytest.mark.parametrize(
    ("goal", "ratio", "said"),
    [
        (Goal(1.5, at_least=True), 1.5, "≥ 1.5: kept"),
        (Goal(1.5, at_least=True), 1.49, "≥ 1.5: MISSED"),
        (Goal(1.5, at_least=False), 1.5, "≤ 1.5: kept"),
        (Goal(1.5, at_least=False), 1.6, "≤ 1.5: MISSED"),
        (None, 9.0, ""),
    ],
)
def test_a_ratio_is_compared_with_its_goal(goal: Goal | None, ratio: float, said: str) -> None:
    assert verdict(goal, spread([ratio])) == said


@pytest.mark.parametrize(
    ("figure", "peer", "goal"),
    [
        (RUNS, "taskiq", Goal(1.5, at_least=True)),
        (RUNS, "procrastinate", Goal(5, at_least=True)),
        (P50, "taskiq", Goal(1.5, at_least=False)),
    ],
)
def test_the_goals_beside_the_peers_are_these(figure: str, peer: str, goal: Goal) -> None:
    assert GOALS[figure, peer] == goal
    assert len(GOALS) == 3


def test_the_report_shows_figures_ratios_and_goals(capsys: pytest.CaptureFixture[str]) -> None:
    turns = {"ours": [turn(0.5)], "taskiq": [turn(0.4)]}

    show("ours", turns, GOALS, "one turn")

    shown = capsys.readouterr().out
    assert "200 (200 to 200)" in shown
    assert "250 (250 to 250)" in shown
    assert "0.80 (0.80 to 0.80) ≥ 1.5: MISSED" in shown


def test_the_peers_have_the_versions_that_ours_has() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    ours = {package["name"]: package["version"] for package in locked if "version" in package}
    lines = (ROOT / "tests/bench/peers/requirements.txt").read_text(encoding="utf-8").splitlines()
    theirs = dict(line.partition(";")[0].strip().split("==") for line in lines)

    different = {name: version for name, version in theirs.items() if ours.get(name, version) != version}

    assert not different
    assert {"asyncpg", "aiokafka", "litestar", "uvicorn", "uvloop"} <= theirs.keys() & ours.keys()
