"""`system.json`: the processes and addresses of a running system, for other programs and for the next start."""

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from onboarding_devstack.engines import postgres
from onboarding_devstack.files import read_json, write_json
from onboarding_devstack.place import Place
from onboarding_devstack.system import addresses, database_urls

# Tolerance in seconds: the start time that the kernel reports changes slightly when the wall clock is set.
SAME_START = 2.0


def journal_path(folder: Path) -> Path:
    """The path of `system.json`."""
    return folder / "system.json"


def read_journal(folder: Path) -> dict[str, Any]:
    """The content of `system.json`; empty if there is none."""
    return read_json(journal_path(folder))


@dataclass
class Journal:
    """Maintains `system.json`: writes it whenever a process id changes."""

    place: Place
    ready: bool = False
    _processes: dict[str, int] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)

    def began(self, name: str, pid: int) -> None:
        """Record the pid of a started process."""
        self._processes[name] = pid
        self._started[name] = start_of(pid) or 0.0
        self.write()

    def ended(self, name: str) -> None:
        """Record the end of a process."""
        self._processes.pop(name, None)
        self._started.pop(name, None)
        self.write()

    def write(self) -> None:
        """Write the file."""
        at, engines = addresses(self.place), self.place.engines
        supervisor = psutil.Process()
        content = {
            "session_api": at["session-api"],
            "evidence_store": at["evidence-store"],
            "task_runner": at["task-runner"],
            "graph": at["graph"],
            "identity": at["identity"],
            "kafka": at["broker"],
            "engines": {
                "broker": engines.broker,
                "postgres": "outside" if "postgres" in engines.outside else "embedded",
            },
            "databases": database_urls(self.place),
            "processes": dict(self._processes),
            "started": dict(self._started),
            "supervisor": {"pid": supervisor.pid, "started": supervisor.create_time(), "ready": self.ready},
        }
        write_json(journal_path(self.place.folder), content)

    def remove(self) -> None:
        """Delete the file after all processes have ended."""
        journal_path(self.place.folder).unlink(missing_ok=True)


def start_of(pid: int) -> float | None:
    """The start time of a process (Unix seconds); None if there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def same_process(pid: int, started: float) -> psutil.Process | None:
    """The running process with this pid and start time; None if it has ended or the pid was reused."""
    try:
        process = psutil.Process(pid)
        alive = abs(process.create_time() - started) < SAME_START and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if alive else None


def supervisor_of(folder: Path) -> psutil.Process | None:
    """The running supervisor of a data folder, according to `system.json`."""
    named = read_journal(folder).get("supervisor") or {}
    return same_process(int(named.get("pid", 0)), float(named.get("started", 0.0))) if named.get("pid") else None


TIMEOUT = 10.0


def end_leftovers(folder: Path) -> list[str]:
    """End every process of an earlier run on this folder; returns them as `NAME (pid N)`.

    The caller holds the lock of the folder, so that no supervisor is running.
    """
    remaining = leftovers(folder)
    for name, process in remaining:
        _signal(process, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    _, stubborn = psutil.wait_procs([process for _, process in remaining], timeout=TIMEOUT)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=TIMEOUT)
    journal_path(folder).unlink(missing_ok=True)
    return [f"{name} (pid {process.pid})" for name, process in remaining]


def leftovers(folder: Path) -> list[tuple[str, psutil.Process]]:
    """The running processes recorded in `system.json` and PostgreSQL's lock file, with their names."""
    journal = read_journal(folder)
    started = journal.get("started") or {}
    processes = {
        name: process
        for name, pid in (journal.get("processes") or {}).items()
        if (process := same_process(int(pid), float(started.get(name, 0.0))))
    }
    server = postgres.running(folder / "postgres")
    if server is not None:
        processes["postgres"] = server
    return list(processes.items())


def _signal(process: psutil.Process, what: signal.Signals) -> None:
    try:
        process.send_signal(what)
    except psutil.Error:
        return
