"""The logs of several processes as one, in the order of time."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onboarding_devstack.cli.app import run
from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.merged_logs import is_at_least, merged, time_of


def logged(second: int, event: str = "e", level: str = "info") -> str:
    return json.dumps({"event": event, "level": level, "timestamp": f"2026-11-24T09:30:{second:02}.250000Z"})


@pytest.mark.parametrize(
    ("line", "microsecond"),
    [
        (logged(1), 250_000),
        ("2026-11-24 09:30:01.250 UTC [17] session_api LOG:  checkpoint", 250_000),
        ("\x1b[2m2026-11-24T09:30:01.250001Z\x1b[0m WARN tansu", 250_001),
        ("[2026-11-24 09:30:01,250] INFO [KafkaServer id=1]", 250_000),
        ("2026-11-24 09:30:01 started", 0),
    ],
)
def test_the_time_of_a_line_is_read(line: str, microsecond: int) -> None:
    assert time_of(line) == datetime(2026, 11, 24, 9, 30, 1, microsecond, UTC)


@pytest.mark.parametrize("line", ["", "  at java.base", '{"event": "e"}', "{", "[1, 2]", "2026-13-41 09:30:01 x"])
def test_a_line_without_a_time_has_none(line: str) -> None:
    assert time_of(line) is None


def test_lines_of_all_processes_are_in_the_order_of_time() -> None:
    lines = merged({"graph": [logged(1), logged(4)], "broker": [logged(2), logged(3)]})

    assert [(line.process, line.at.second) for line in lines] == [
        ("graph", 1), ("broker", 2), ("broker", 3), ("graph", 4)
    ]  # fmt: skip


def test_a_line_without_a_time_stays_behind_the_one_before_it() -> None:
    lines = merged({"broker": [logged(1), "Traceback"], "graph": [logged(1, "g"), logged(2)]})

    assert [line.text for line in lines] == [logged(1), "Traceback", logged(1, "g"), logged(2)]


def test_a_clock_set_back_keeps_the_lines_of_a_process_together() -> None:
    lines = merged({"broker": [logged(5), logged(1), logged(2)], "graph": [logged(3)]})

    assert [line.text for line in lines] == [logged(3), logged(5), logged(1), logged(2)]


def test_a_level_leaves_out_what_is_less_important() -> None:
    assert [is_at_least(logged(1, level=level), "warning") for level in ("info", "warning", "error")] == [
        False, True, True
    ]  # fmt: skip
    assert is_at_least("LOG:  checkpoint", "error")


def test_the_last_lines_are_those_of_all_processes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "broker.log").write_text(f"{logged(1)}\n{logged(4)}\n")
    (tmp_path / "logs" / "graph.log").write_text(f"{logged(2)}\n{logged(3, level='debug')}\n")

    assert run(["logs", "--lines", "2", "--level", "info", "--data", str(tmp_path)]) == Exit.OK
    assert capsys.readouterr().out.splitlines() == [
        f"graph          | {logged(2)}",
        f"broker         | {logged(4)}",
    ]
