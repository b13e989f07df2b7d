"""A task author's way: a new package passes its own tests, and `task run` ends with the verdict."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from onboarding_devstack.cli.app import run
from tests.support import task_package
from tests.support.caller import Caller
from tests.support.system import System

WITHOUT_OWN_DOMAIN = {"verifiedDomains": [{"name": "contoso.onmicrosoft.com", "isInitial": True}]}
pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


def command(caller: Caller, task: str, *arguments: str) -> list[str]:
    where = ["--tenant", str(caller.tenant), "--address", caller.url]
    return [sys.executable, "-m", "onboarding_devstack.cli", "task", "run", task, *where, *arguments]


async def ran(caller: Caller, task: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        command(caller, task, *arguments),
        env={**os.environ, "ONBOARDING_TOKEN": caller.token},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_new_package_passes_its_own_tests(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    assert run(["task", "new", "contoso-tasks", "--into", str(folder)]) == 0
    site = task_package.install(tmp_path, folder)
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", str(folder)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (tested.returncode, "3 passed" in tested.stdout) == (0, True), tested.stdout


async def test_a_run_that_passes_ends_with_zero(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy")
        ended = await ran(caller, "example.domains", "--wait")
        assert ended.returncode == 0, ended.stderr
        shown = json.loads(ended.stdout)
        assert (shown["state"], shown["result"]["reason_code"]) == ("succeeded", "DOMAINS_FOUND")
        assert "created" in ended.stderr


async def test_a_run_whose_status_is_unknown_ends_with_three(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("unlicensed")
        assert (await ran(caller, "identity.admin_mfa", "--wait")).returncode == 3


async def test_a_task_type_that_nobody_has_is_named(system: System) -> None:
    async with system.caller() as caller:
        refused = await ran(caller, "no.such_task", "--wait")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "TASK_TYPE_UNKNOWN" in refused.stderr


async def test_ctrl_c_leaves_the_run_alone(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy", overrides={"/organization": [WITHOUT_OWN_DOMAIN]})
        watching = await asyncio.create_subprocess_exec(
            *command(caller, "example.own_domain", "--wait"),
            env={**os.environ, "ONBOARDING_TOKEN": caller.token},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a test run in the background ignores it
        )
        assert watching.stderr is not None
        while b"DOMAIN_PENDING" not in (line := await watching.stderr.readline()):
            assert line, "it ended before the run waited"
        watching.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(watching.wait(), 20) == 130
        run_id = int(line.split()[1].rstrip(b":"))
        assert (await caller.get(f"/runs/{run_id}")).json()["state"] in ("waiting", "running")
        await caller.post(f"/runs/{run_id}/cancel")
