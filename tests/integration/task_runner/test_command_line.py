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


def test_migrate_without_a_database_is_one_line() -> None:
    environment = {"DATABASE_URL": "postgresql://a:b@127.0.0.1:9/c", "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    arguments = [sys.executable, "-m", "task_runner", "migrate"]
    answer = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith("task-runner: the database was not migrated: ") and "Connect" in line


def test_migrate_of_a_database_that_is_not_there_is_one_line(runner_url: str) -> None:
    url = runner_url.rpartition("/")[0] + "/nowhere"
    environment = {"DATABASE_URL": url, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    arguments = [sys.executable, "-m", "task_runner", "migrate"]
    answer = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 1
    assert answer.stderr == 'task-runner: the database was not migrated: database "nowhere" does not exist\n'


def test_migrate_without_a_broker_is_one_line(runner_url: str) -> None:
    environment = {"DATABASE_URL": runner_url, "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    arguments = [sys.executable, "-m", "task_runner", "migrate"]
    answer = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert answer.returncode == 1
    (line,) = answer.stderr.splitlines()
    assert line.startswith("task-runner: the topics were not created: ")
