"""`system.json`: what runs in a data folder, for other programs and for the next start."""

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from onboarding_devstack.engines import postgres
from onboarding_devstack.files import read_json, write_json
from onboarding_devstack.place import Place
from onboarding_devstack.system import addresses, database_urls

# A process's start as the kernel tells it moves a little when the wall clock is set.
SAME_START = 2.0


def journal_path(folder: Path) -> Path:
    """Where the data folder's `system.json` is."""
    return folder / "system.json"


def read_journal(folder: Path) -> dict[str, Any]:
    """The content of `system.json`; empty when there is none."""
    return read_json(journal_path(folder))


@dataclass
class Journal:
    """Keeps `system.json` true: written whole at every change of a process id."""

    place: Place
    ready: bool = False
    _processes: dict[str, int] = field(default_factory=dict)
    _started: dict[str, float] = field(default_factory=dict)

    def began(self, name: str, pid: int) -> None:
        """A process runs under this pid from now on."""
        self._processes[name] = pid
        self._started[name] = start_of(pid) or 0.0
        self.write()

    def ended(self, name: str) -> None:
        """A process is gone."""
        self._processes.pop(name, None)
        self._started.pop(name, None)
        self.write()

    def write(self) -> None:
        """Write the file."""
        at, engines = addresses(self.place), self.place.engines
        us = psutil.Process()
        content = {
            "session_api": at["session-api"],
            "evidence_store": at["evidence-store"],
            "task_runner": at["task-runner"],
            "graph": at["graph"],
            "kafka": at["broker"],
            "engines": {
                "broker": engines.broker,
                "postgres": "outside" if "postgres" in engines.outside else "embedded",
            },
            "databases": database_urls(self.place),
            "processes": dict(self._processes),
            "started": dict(self._started),
            "supervisor": {"pid": us.pid, "started": us.create_time(), "ready": self.ready},
        }
        write_json(journal_path(self.place.folder), content)

    def remove(self) -> None:
        """Nothing runs any more."""
        journal_path(self.place.folder).unlink(missing_ok=True)


def start_of(pid: int) -> float | None:
    """When the process began (Unix seconds), None when there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def same_process(pid: int, started: float) -> psutil.Process | None:
    """The living process with this pid and start; None when it is gone or its number went to another one."""
    try:
        process = psutil.Process(pid)
        alive = abs(process.create_time() - started) < SAME_START and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return None
    return process if alive else None


def supervisor_of(folder: Path) -> psutil.Process | None:
    """The living supervisor of a data folder, as `system.json` names it."""
    named = read_journal(folder).get("supervisor") or {}
    return same_process(int(named.get("pid", 0)), float(named.get("started", 0.0))) if named.get("pid") else None


PATIENCE = 10.0


def end_leftovers(folder: Path) -> list[str]:
    """End every process of an earlier run on this folder; returns what was ended, as `NAME (pid N)`.

    The caller holds the folder's lock, so no living supervisor is looking after them.
    """
    found = leftovers(folder)
    for name, process in found:
        _signal(process, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    _, stubborn = psutil.wait_procs([process for _, process in found], timeout=PATIENCE)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=PATIENCE)
    journal_path(folder).unlink(missing_ok=True)
    return [f"{name} (pid {process.pid})" for name, process in found]


def leftovers(folder: Path) -> list[tuple[str, psutil.Process]]:
    """The living processes that `system.json` and PostgreSQL's lock file name, by name."""
    journal = read_journal(folder)
    started = journal.get("started") or {}
    found = {
        name: process
        for name, pid in (journal.get("processes") or {}).items()
        if (process := same_process(int(pid), float(started.get(name, 0.0))))
    }
    server = postgres.running(folder / "postgres")
    if server is not None:
        found["postgres"] = server
    return list(found.items())


def _signal(process: psutil.Process, what: signal.Signals) -> None:
    try:
        process.send_signal(what)
    except psutil.Error:
        return
