"""What a supervisor that was killed left running: found by pid and start time, and ended."""

import signal
from pathlib import Path

import psutil

from onboarding_shared.devstack import postgres
from onboarding_shared.devstack.journal import journal_path, read_journal, same_process

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
