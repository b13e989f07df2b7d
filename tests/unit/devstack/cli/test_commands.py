"""Every command's end: exit codes, what goes to which stream, and what to do next."""

import base64
import json
from pathlib import Path

import pytest

from onboarding_devstack.cli.app import run
from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.place import identity_of

COMMANDS = (
    "demo",
    "up",
    "down",
    "status",
    "restart",
    "logs",
    "env",
    "doctor",
    "migrate",
    "token",
    "bind",
    "runs",
    "sessions",
    "tenants",
    "evidence",
    "locks",
    "dlq",
    "events",
    "task",
    "completion",
    "version",
)
BIND = ["bind", "--tenant", "42", "--customer", "11111111-2222-4333-8444-555555555555"]
TAIL = ["events", "tail", "--kafka", "127.0.0.1:9"]


def test_help_lists_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f" {command} " in shown for command in COMMANDS)
    assert all(f"{code} " in shown for code in (0, 1, 2, 3, 4, 5, 130))


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["up", "--nonsense"],
        ["up", "--broker", "rabbit"],
        ["up", "--broker", "host:port"],
        ["up", "--postgres", "mysql://host/name"],
        ["restart", "kafka"],
        ["token", "--user", "7"],
        ["demo", "--graph", "http://127.0.0.1:9"],
        ["bind", "--tenant", "42", "--customer", "contoso.com"],
        [*BIND, "--tenant", "0"],
        [*BIND, "--url", "http://127.0.0.1:9"],
        [*TAIL, "--type", "RunFinnished"],
        [*TAIL, "--from", "yesterday"],
        [*TAIL, "--count", "0"],
        [*TAIL, "--tenant", "-1"],
        ["events", "tail", "--kafka", "127.0.0.1"],
    ],
)
def test_wrong_usage_ends_with_two_and_nothing_on_standard_output(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err != ""


@pytest.mark.parametrize(
    "arguments", [["status"], ["env"], ["migrate"], ["restart", "broker"], BIND, ["events", "tail"]]
)
def test_without_a_system_the_exit_code_is_unreachable(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--data", str(tmp_path)]) == Exit.UNREACHABLE
    assert f" up --data {tmp_path}" in capsys.readouterr().err.replace("\n", "")


def test_status_as_json_prints_down_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--json", "--data", str(tmp_path)]) == Exit.UNREACHABLE
    assert json.loads(capsys.readouterr().out)["state"] == "down"


def test_stopping_what_does_not_run_is_fine(tmp_path: Path) -> None:
    assert run(["down", "--data", str(tmp_path)]) == Exit.OK
    assert run(["down", "--data", str(tmp_path / "never")]) == Exit.OK
    assert not (tmp_path / "never").exists()


def test_logs_of_a_system_that_never_ran_are_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["logs", "--data", str(tmp_path)]) == Exit.CONFLICT
    assert " up" in capsys.readouterr().err


def test_logs_in_a_pipe_are_as_they_were_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "broker.log").write_text('{"event": "a"}\n{"event": "b"}\n')
    assert run(["logs", "broker", "--lines", "1", "--data", str(tmp_path)]) == Exit.OK
    assert capsys.readouterr().out == '{"event": "b"}\n'


def test_token_prints_the_token_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "--user", "7", "--tenant", "42", "--tenant", "43", "--data", str(tmp_path)]) == Exit.OK
    captured = capsys.readouterr()
    assert captured.out.count(".") == 2
    assert captured.out.count("\n") == 1
    assert captured.err == ""
    assert identity_of(tmp_path).private_key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "arguments",
    [
        ["--user", "0", "--tenant", "1"],
        ["--user", "1", "--tenant", "9223372036854775808"],
        ["--user", "1", "--tenant", "1", "--permission", "onboarding.everything"],
    ],
)
def test_a_token_for_what_cannot_be_is_wrong_usage(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["token", *arguments, "--data", str(tmp_path)]) == Exit.USAGE
    assert capsys.readouterr().out == ""


def test_a_token_may_grant_different_permissions_by_tenant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grants = ["--grant", "42=onboarding.read,onboarding.run", "--grant", "43="]
    assert run(["token", "--user", "7", *grants, "--data", str(tmp_path)]) == Exit.OK
    payload = capsys.readouterr().out.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["tenants"] == {"42": ["onboarding.read", "onboarding.run"], "43": []}
    assert "permissions" not in claims


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--tenant", "42", "--grant", "42=onboarding.read"],
        ["--grant", "42=onboarding.read", "--permission", "onboarding.run"],
        ["--grant", "42=onboarding.read", "--grant", "42=onboarding.run"],
        ["--grant", "42"],
        ["--grant", "x=onboarding.read"],
        ["--grant", "0=onboarding.read"],
        ["--grant", "42=onboarding.everything"],
    ],
    ids=str,
)
def test_a_grant_that_cannot_be_is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    assert run(["token", "--user", "7", *arguments, "--data", str(tmp_path)]) == Exit.USAGE


def test_a_demo_of_a_foreign_system_requires_a_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    assert run(["demo", "--url", "http://127.0.0.1:9", "--data", str(tmp_path)]) == Exit.CONFLICT
    assert "export TOKEN=" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_that_knows_the_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == Exit.OK
    shown = capsys.readouterr().out
    assert all(command in shown for command in COMMANDS)


def test_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version"]) == Exit.OK
    first = capsys.readouterr().out
    assert run(["--version"]) == Exit.OK
    assert capsys.readouterr().out == first


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("onboarding_devstack.cli.checks.examine", interrupted)
    assert run(["doctor"]) == Exit.INTERRUPTED
