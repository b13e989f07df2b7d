"""The command line on whatever engines the system runs."""

import json
import subprocess
import sys

import pytest

from onboarding_devstack.system import PROCESSES, processes
from tests.support.system import System, onboarding

pytestmark = pytest.mark.system


def test_status_says_ready_for_every_engine_and_names_the_processes_that_are_ours(system: System) -> None:
    shown = json.loads(onboarding("status", "--json", data=system.folder))
    assert shown["state"] == "ready"
    assert {each["name"]: each["state"] for each in shown["processes"]} == dict.fromkeys(PROCESSES, "ready")
    assert {each["name"] for each in shown["processes"] if each["pid"]} == {
        process.name for process in processes(system.place)
    }


def test_doctor_is_content_with_the_engines(system: System) -> None:
    found = json.loads(onboarding("doctor", "--json", data=system.folder))
    assert [each for each in found if not each["ok"]] == []


def test_env_tells_clients_how_to_speak_to_the_broker(system: System) -> None:
    told = json.loads(onboarding("env", "--json", data=system.folder))
    assert told["KAFKA_BOOTSTRAP_SERVERS"] == system.journal["kafka"]
    assert told["KAFKA_ENABLE_IDEMPOTENCE"] == ("false" if system.place.engines.broker == "embedded" else "true")


@pytest.mark.parametrize("engine", ["broker", "postgres"])
def test_an_engine_of_somebody_elses_is_not_restarted(system: System, engine: str) -> None:
    if engine not in system.place.engines.outside:
        pytest.skip("this system runs its engines itself")
    command = [sys.executable, "-m", "onboarding_devstack.cli", "restart", engine, "--data", str(system.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert f"{engine} is no process of this system" in done.stderr
