"""Installation, discovery and run of a task package outside the workspace."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "support" / "example_task_package"

RUN_IT = """
import asyncio, json
from task_runner.tasks import discover
from task_runner.testing import task_context

async def main():
    checked = discover()["example.domains"]
    async with task_context() as context:
        result = await checked(context)
    print(json.dumps({
        "declared": [checked.declaration.distribution, checked.declaration.version, checked.declaration.step],
        "decided": [result.status, result.reason_code, result.payload["provenance"]["checker_version"]],
    }))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package installed into it, and into nothing else."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on PATH")
    folder = tmp_path_factory.mktemp("site")
    source = shutil.copytree(PACKAGE, tmp_path_factory.mktemp("source") / "package")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--python", sys.executable, "--target", folder, source]
    subprocess.run(command, check=True, timeout=60)
    return folder


def run(code: str, *folders: Path) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True, timeout=60
    )
    return ended.stdout


def test_an_installed_task_package_is_discovered_and_its_task_runs(installed: Path) -> None:
    assert json.loads(run(RUN_IT, installed)) == {
        "declared": ["example-onboarding-tasks", "2.5.0", 2],
        "decided": ["ok", "DOMAINS_FOUND", "2.5.0"],
    }


def test_without_the_package_its_task_is_unknown() -> None:
    names = run("from task_runner.tasks import discover; print(*discover())").split()

    assert "example.domains" not in names
    assert "graph.connectivity" in names
