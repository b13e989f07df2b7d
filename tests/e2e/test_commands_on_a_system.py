"""The command line and the whole embedded system, as a person uses them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from microsoft_emulator.tenants import PARTNER_TENANT
from onboarding_devstack.system import DEMO_CLIENT_ID, DEMO_CREDENTIAL

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

NAMES = {"session-api", "task-runner", "evidence-store", "broker", "postgres", "graph", "identity"}


def onboarding(*arguments: str, folder: Path, **more: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "onboarding_devstack.cli", *arguments, "--data", str(folder)]
    return subprocess.run(line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **more)


def journal(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "system.json").read_text()))


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A running system's data folder."""
    folder = tmp_path_factory.mktemp("system")
    started = onboarding("up", "--detach", folder=folder)
    assert started.returncode == 0, started.stderr
    assert "The onboarding system is ready." in started.stdout
    yield folder
    pids = list(journal(folder)["processes"].values())
    assert onboarding("down", folder=folder).returncode == 0
    assert not any(alive(pid) for pid in pids)
    assert not (folder / "system.json").exists()


def test_system_json_names_addresses_databases_and_processes(system: Path) -> None:
    content = journal(system)
    assert all(content[name].startswith("http://127.0.0.1:") for name in ("session_api", "evidence_store", "graph"))
    assert content["kafka"].startswith("127.0.0.1:")
    assert set(content["databases"]) == {"session_api", "task_runner", "evidence_store"}
    assert set(content["processes"]) == NAMES
    assert all(alive(pid) for pid in content["processes"].values())
    assert (system / "system.json").stat().st_mode & 0o777 == 0o600


def test_status_shows_every_process_ready(system: Path) -> None:
    done = onboarding("status", "--json", folder=system)
    assert done.returncode == 0
    shown = json.loads(done.stdout)
    assert shown["state"] == "ready"
    assert {process["name"]: process["state"] for process in shown["processes"]} == dict.fromkeys(NAMES, "ready")
    work = ["dead letters", "messages to publish", "runs that are due", "tasks", "clock", "disk space"]
    assert [(finding["name"], finding["ok"]) for finding in shown["work"]] == [(name, True) for name in work]


def test_a_second_up_is_refused_with_the_pid_in_charge(system: Path) -> None:
    done = onboarding("up", folder=system)
    assert done.returncode == 4
    assert f"process {journal(system)['supervisor']['pid']} already runs the system on {system}" in done.stderr
    assert f" down --data {system}" in done.stderr


def exported(system: Path) -> Mapping[str, str]:
    shell = 'eval "$1"; exec "$2" -c "import json, os; print(json.dumps(dict(os.environ)))"'
    exports = onboarding("env", folder=system).stdout
    done = subprocess.run(["sh", "-c", shell, "sh", exports, sys.executable], capture_output=True, check=True)
    return dict(json.loads(done.stdout))


def test_env_exports_addresses_and_a_token_that_works(system: Path) -> None:
    variables = exported(system)
    assert variables["SESSION_API"] == journal(system)["session_api"]
    assert variables["KAFKA_BOOTSTRAP_SERVERS"] == journal(system)["kafka"]
    assert variables["SESSION_API_DATABASE_URL"] == journal(system)["databases"]["session_api"]
    url = f"{variables['SESSION_API']}/tenants/42/onboarding/session"
    curl = f"curl -sf -H 'Authorization: Bearer {variables['TOKEN']}' {url}"
    assert json.loads(subprocess.check_output(curl, shell=True)) == {"session": None}


def test_migrations_can_be_run_again(system: Path) -> None:
    done = onboarding("migrate", folder=system)
    assert (done.returncode, done.stdout) == (0, "")


def test_doctor_is_content_with_the_running_system(system: Path) -> None:
    done = onboarding("doctor", "--json", folder=system)
    assert done.returncode == 0, done.stdout
    assert {task_type["name"] for task_type in json.loads(done.stdout)} >= NAMES


def test_the_demo_onboards_a_tenant_and_shows_the_evidence(system: Path) -> None:
    done = onboarding("demo", folder=system)
    assert done.returncode == 0, done.stderr + done.stdout
    steps = ("gdap.relationship", "gdap.roles", "app.consent", "graph.connectivity")
    for task in (*steps, "license.inventory", "identity.baseline"):
        assert task in done.stdout
    assert "The chain of evidence is whole" in done.stdout
    assert "409 EDIT_LOCKED" in done.stderr
    assert "Taken over: user 8" in done.stderr
    assert " token --user 7" in done.stderr


def test_the_demo_as_json_is_data_alone(system: Path) -> None:
    done = onboarding("demo", "--json", "--url", journal(system)["session_api"], folder=system)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["ok"] is True
    assert len(shown["evidence"]) >= 10


def test_a_bound_tenant_may_be_connected_and_another_not(system: Path) -> None:
    customer = "11111111-2222-4333-8444-555555555555"
    assert onboarding("bind", "--tenant", "43", "--customer", customer, folder=system).returncode == 0
    variables, body = exported(system), {"display_name": "C", "credential_ref": DEMO_CREDENTIAL}
    body |= {"client_id": DEMO_CLIENT_ID, "external_tenant_id": customer}

    def connect(tenant: int) -> int:
        url = f"{variables['SESSION_API']}/tenants/{tenant}/onboarding/provider-connections"
        headers = {"Authorization": f"Bearer {variables['TOKEN']}"}
        return httpx2.post(url, headers=headers, json=body, trust_env=False).status_code

    assert (connect(43), connect(42)) == (201, 409)


def test_the_partners_own_tenant_cannot_be_bound(system: Path) -> None:
    done = onboarding("bind", "--tenant", "43", "--customer", PARTNER_TENANT, folder=system)
    assert done.returncode == 1
    assert "CONNECTION_TO_PARTNER" in done.stderr


def test_restart_replaces_one_process_and_leaves_the_others(system: Path) -> None:
    before = journal(system)["processes"]
    assert onboarding("restart", "graph", folder=system).returncode == 0
    after = journal(system)["processes"]
    assert {name for name in NAMES if before[name] != after[name]} == {"graph"}
    assert "graph is ready again" in onboarding("restart", "graph", folder=system).stderr


def test_the_logs_of_every_own_process_are_json_lines(system: Path) -> None:
    done = onboarding("logs", "task-runner", folder=system)
    assert done.returncode == 0
    assert all("event" in json.loads(line) for line in done.stdout.splitlines() if line.startswith("{"))


def test_a_demo_that_cannot_start_names_its_reason_without_leftovers(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9")
    done = onboarding("demo", folder=tmp_path)
    assert done.returncode == 1
    assert "postgres" in done.stderr
    assert not (tmp_path / "system.json").exists()


def test_ctrl_c_stops_everything_in_order_and_ends_with_130(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "onboarding_devstack.cli", "up", "--no-logs", "--data", str(tmp_path)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while not (tmp_path / "system.json").exists() or len(journal(tmp_path)["processes"]) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        pids = list(journal(tmp_path)["processes"].values())
        os.kill(running.pid, signal.SIGINT)
        _, output = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "stopping" in output
    assert not any(alive(pid) for pid in pids)
