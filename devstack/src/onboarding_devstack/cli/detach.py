"""`up --detach`: runs `up` in the background and waits until the system is ready."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.journal import read_journal
from onboarding_devstack.place import logs_of

START_TIMEOUT = 300.0


def start_detached(folder: Path, broker: str | None, postgres: str | None) -> None:
    """Start `up` in the background and wait until the system is ready, printing its progress."""
    logs_of(folder).mkdir(parents=True, exist_ok=True)
    path = logs_of(folder) / "up.log"
    command = [sys.executable, "-m", "onboarding_devstack.cli", "up", "--no-logs", "--data", str(folder)]
    for option, engine in (("--broker", broker), ("--postgres", postgres)):
        command += [] if engine is None else [option, engine]
    with path.open("wb") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    deadline = time.monotonic() + START_TIMEOUT
    with path.open(encoding="utf-8", errors="replace") as progress:
        while True:
            ended = child.poll()
            supervisor = read_journal(folder).get("supervisor") or {}
            ready = supervisor.get("pid") == child.pid and supervisor.get("ready")
            output = progress.read()
            if ended is not None:
                raise _ended(output, ended)
            if ready and output:  # the caller prints the banner
                output = output.split("\n\n", 1)[0].rstrip("\n") + "\n"
            sys.stderr.write(output)
            sys.stderr.flush()
            if ready:
                return
            if time.monotonic() > deadline:
                os.kill(child.pid, signal.SIGTERM)
                raise CommandError(Exit.FAILED, f"not ready within {START_TIMEOUT:g} s; see {path}", ours("doctor"))
            time.sleep(0.05)


def _ended(output: str, code: int) -> CommandError:
    exit_code = Exit(code) if code in list(Exit) and code != Exit.OK else Exit.FAILED
    return CommandError(exit_code, output.strip().removeprefix("error: ") or f"ended with exit code {code}")
