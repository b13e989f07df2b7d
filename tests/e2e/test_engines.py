"""The command line on whatever engines the system runs."""

import json
import subprocess
import sys

import pytest

from onboarding_devstack.system import PROCESSES, processes
from tests.support.system import System, onboarding

pytestmark = pytest.mark.system


def test_status_shows_every_engine_ready_and_its_own_pids(system: System) -> None:
    shown = json.loads(onboarding("status", "--json", data=system.folder))
    assert shown["state"] == "ready"
    assert {process["name"]: process["state"] for process in shown["processes"]} == dict.fromkeys(PROCESSES, "ready")
    assert {process["name"] for process in shown["processes"] if process["pid"]} == {
        process.name for process in processes(system.place)
    }


def test_doctor_is_content_with_the_engines(system: System) -> None:
    findings = json.loads(onboarding("doctor", "--json", data=system.folder))
    assert [finding for finding in findings if not finding["ok"]] == []


def test_env_exports_the_client_settings_of_the_broker(system: System) -> None:
    variables = json.loads(onboarding("env", "--json", data=system.folder))
    assert variables["KAFKA_BOOTSTRAP_SERVERS"] == system.journal["kafka"]
    assert variables["KAFKA_ENABLE_IDEMPOTENCE"] == ("false" if system.place.engines.broker == "embedded" else "true")


@pytest.mark.parametrize("engine", ["broker", "postgres"])
def test_an_engine_of_somebody_elses_is_not_restarted(system: System, engine: str) -> None:
    if engine not in system.place.engines.outside:
        pytest.skip("this system runs its engines itself")
    command = [sys.executable, "-m", "onboarding_devstack.cli", "restart", engine, "--data", str(system.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert f"{engine} is no process of this system" in done.stderr
