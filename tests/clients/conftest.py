"""Clients that generators make of the description of a running system; only where it is asked for: it takes minutes."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.support.system import System, running_system

ASKED_FOR = "ONBOARDING_TEST_CLIENTS"
ROOT = Path(__file__).parents[2]
Run = Callable[..., str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests with the reason."""
    if os.environ.get(ASKED_FOR):
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="`make test-clients` runs it"))


@pytest.fixture(scope="package")
def system() -> Iterator[System]:
    with running_system() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, system: System) -> Path:
    """An empty folder with the description of the running session-api."""
    answer = httpx2.get(f"{system.journal['session_api']}/schema/openapi.json", trust_env=False, timeout=30)
    (tmp_path / "openapi.json").write_bytes(answer.raise_for_status().content)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    """Runs a program in the folder, knowing nothing of this checkout; its output, also in the text of a failure."""

    def run_there(*command: str | Path) -> str:
        outside = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
        words = [str(word) for word in command]
        ended = subprocess.run(words, cwd=folder, env=outside, capture_output=True, text=True, timeout=300)
        assert ended.returncode == 0, f"{' '.join(words)}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    return run_there


@pytest.fixture
def uv() -> str:
    program = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".uv" / "bin"))
    if program is None:
        pytest.skip("uv is neither on PATH nor in .uv/bin")
    return program


@pytest.fixture
def npm() -> str:
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not on PATH")
    return "npm"
