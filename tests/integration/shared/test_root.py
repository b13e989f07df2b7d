"""`serve` as root: the user with id 0, who may read and write everything."""

import os
import subprocess
import sys

import pytest

from onboarding_devstack.identity import ISSUER

NAMES = {"session_api": "session-api", "task_runner": "task-runner", "evidence_store": "evidence-store"}
AS_USER = """
import os, runpy, sys
from onboarding_shared import service
os.geteuid = lambda: {uid}
sys.argv = [{package!r}, "serve"]
runpy.run_module({package!r}, run_name="__main__", alter_sys=True)
"""
SETTINGS = {
    "PATH": os.environ["PATH"],
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "ONBOARDING_JWKS": "/nowhere/jwks.json",
    "ONBOARDING_JWT_ISSUER": ISSUER,
    "ONBOARDING_EVIDENCE_STORE_URL": "http://127.0.0.1:9",
    "ONBOARDING_HOST": "203.0.113.1",
    "ONBOARDING_DRAIN_SECONDS": "1",
}


def served_by(uid: int, package: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A start that cannot succeed, by a process that takes itself for a process of this user."""
    line = [sys.executable, "-c", AS_USER.format(uid=uid, package=package)]
    return subprocess.run(line, env={**SETTINGS, **settings}, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("package", NAMES)
def test_root_is_refused_with_the_way_out(package: str) -> None:
    refused = served_by(0, package)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"{NAMES[package]}: serve does not run as root: start it as another user, or set ONBOARDING_ALLOW_ROOT=true\n"
    )


@pytest.mark.parametrize("package", NAMES)
def test_another_user_is_not_refused(package: str) -> None:
    assert "root" not in served_by(10001, package).stderr


@pytest.mark.parametrize("package", NAMES)
def test_root_that_is_allowed_is_not_refused(package: str) -> None:
    assert "root" not in served_by(0, package, ONBOARDING_ALLOW_ROOT="true").stderr
