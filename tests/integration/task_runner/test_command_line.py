"""The command line of the task runner as processes of its own."""

import subprocess
import sys

import pytest


def test_help_needs_no_settings() -> None:
    command = [sys.executable, "-m", "task_runner", "--help"]
    answer = subprocess.run(command, env={}, capture_output=True, text=True, timeout=60, check=True)
    assert "serve" in answer.stdout and "migrate" in answer.stdout


@pytest.mark.parametrize("command", ["serve", "migrate"])
def test_a_missing_setting_is_named_and_exits_2(command: str) -> None:
    arguments = [sys.executable, "-m", "task_runner", command]
    answer = subprocess.run(arguments, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
    assert "DATABASE_URL is not set" in answer.stderr


def test_a_command_that_does_not_exist_exits_2() -> None:
    arguments = [sys.executable, "-m", "task_runner", "dance"]
    answer = subprocess.run(arguments, env={}, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
