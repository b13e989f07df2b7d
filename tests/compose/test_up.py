"""`docker compose up` is all that a user types."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onboarding_devstack.cli.demo.ways import CustomerAdministrator
from onboarding_devstack.engines.kafka_access import KAFKA_UI, PRINCIPALS
from tests.support.compose_file import one_shots, started_by_default
from tests.support.composed import Composed
from tests.support.waiting import eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]


def test_everything_is_there_and_healthy(system: Composed) -> None:
    containers = system.containers()
    ended = {name: container["State"]["ExitCode"] for name, container in containers.items() if name in one_shots()}
    running = {
        name: container["State"]["Health"]["Status"]
        for name, container in containers.items()
        if name not in one_shots()
    }
    by_default = started_by_default().keys()
    assert ended == dict.fromkeys(by_default & one_shots(), 0)
    assert running == dict.fromkeys(by_default - one_shots(), "healthy")


def test_the_demo_passes_with_a_token_of_the_system(system: Composed, tmp_path: Path) -> None:
    system.compose("run", "--rm", "bind", "--tenant", "42")
    token = system.compose("run", "--rm", "token", "--user", "7", "--tenant", "42").strip()
    demo = subprocess.run(
        [
            sys.executable, "-m", "onboarding_devstack.cli", "demo", "--url", system.url, "--graph", system.graph,
            "--tenant", "42",
        ],
        env={**os.environ, "TOKEN": token, "ONBOARDING_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert demo.returncode == 0, demo.stderr
    assert "The customer's administrator accepted; the callback answered 200." in demo.stderr
    assert "The chain of evidence is whole: 11 items" in demo.stdout


async def test_a_consent_link_is_accepted_from_outside(system: Composed) -> None:
    async with system.caller() as caller:
        await caller.connect(consented=[])
        request = (await caller.post("/consent-requests")).json()
        status = await CustomerAdministrator(system.graph).accept_consent(request["url"])

        async def state() -> str:
            return str((await caller.get(f"/consent-requests/{request['id']}")).json()["state"])

        assert (request["url"].startswith(f"{system.graph}/"), status) == (True, 200)
        await eventually(state, equals="verified")


async def test_a_run_waits_for_consent_and_goes_on_when_resumed(system: Composed) -> None:
    async with system.caller() as caller:
        await caller.connect(consented=[])
        run_id = await caller.start("app.consent")

        async def waiting() -> str | None:
            return ((await caller.run(run_id))["waiting"] or {}).get("reason_code")

        await eventually(waiting, equals="CONSENT_MISSING")
        await caller.behave("healthy")
        assert (await caller.post(f"/runs/{run_id}/resume")).status_code == 202
        assert (await caller.ended(run_id))["result"]["reason_code"] == "CONSENT_OK"


def test_up_again_keeps_what_is_there(system: Composed) -> None:
    def started() -> dict[str, str]:
        return {
            name: container["State"]["StartedAt"]
            for name, container in system.containers().items()
            if name not in one_shots()
        }

    before = started()
    system.compose("up", "--detach", "--wait")
    assert started() == before


def test_no_service_has_a_capability_or_a_writable_image(system: Composed) -> None:
    script = "touch /here 2>&1 || true; id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/1/status"
    for name in ("session-api", "task-runner", "evidence-store", "graph"):
        output = system.compose("exec", "-T", name, "sh", "-c", script)
        assert "Read-only file system" in output
        assert output.split()[-7:] == ["10001", "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1"], output


@pytest.mark.parametrize("name", ["session-api", "task-runner", "evidence-store", "graph", "kafka"])
def test_no_service_sees_a_secret_of_another(system: Composed, name: str) -> None:
    seen = system.compose("exec", "-T", name, "sh", "-c", "ls /run/onboarding /setup/* 2>/dev/null || true").split()
    files = {file for file in seen if not file.endswith(":")}
    assert files == {
        "session-api": {"database-url", "kafka-password", "command-secrets", "run-secrets", "jwks.json"},
        "task-runner": {"database-url", "kafka-password", "command-secrets"},
        "evidence-store": {"database-url", "kafka-password", "run-secrets", "jwks.json"},
    }.get(name, set())


def test_docker_inspect_shows_no_secret(system: Composed) -> None:
    shown = "".join(str(container["Config"]) for container in system.containers().values())
    secrets = [system.compose("exec", "-T", "postgres", "cat", f"/run/onboarding/{role}.password").strip()
               for role in ("postgres", "session_api", "task_runner", "evidence_store")]  # fmt: skip
    secrets += [system.kafka_password(principal) for principal in (*PRINCIPALS, KAFKA_UI)]
    assert [secret for secret in secrets if not secret or secret in shown] == []
