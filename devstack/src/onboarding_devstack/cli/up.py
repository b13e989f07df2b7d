"""`up`, `down`, `restart`: start and stop the embedded system."""

import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import BrokerChoice, Data, PostgresChoice, ProcessName

STOP_TIMEOUT = 120.0
# A single Ctrl-C may arrive twice: from the terminal, and forwarded by `uv run` or `timeout`.
SAME_KEYSTROKE = 1.0


def up(
    *,
    detach: Annotated[bool, Parameter(name=("--detach", "-d"), negative="", help="Return when all is ready.")] = False,
    logs: Annotated[bool, Parameter(help="Show the processes' logs; they are always kept in DIR/logs.")] = True,
    broker: BrokerChoice = None,
    postgres: PostgresChoice = None,
    data: Data = None,
) -> Exit:
    """Start everything on this machine: PostgreSQL, broker, a Graph-shaped server, migrations and the three services.

    Runs in the foreground until Ctrl-C, or with --detach in the background. Data is kept, except messages in the
    embedded broker, which the services repeat.
    """
    from onboarding_devstack.cli.banner import print_banner
    from onboarding_devstack.cli.detach import start_detached
    from onboarding_devstack.cli.located import running
    from onboarding_devstack.place import data_folder

    folder = data_folder(data)
    if detach:
        start_detached(folder, broker, postgres)
        system = running(data)
        if system is not None:
            print_banner(system.place)
        return Exit.OK
    return asyncio.run(_foreground(folder, data, logs, broker, postgres))


async def _foreground(
    folder: Path, data: Path | None, show_logs: bool, broker: str | None, postgres: str | None
) -> Exit:
    from onboarding_devstack.cli.banner import print_banner
    from onboarding_devstack.cli.failures import already_running, did_not_start, engine_missing
    from onboarding_devstack.cli.report import TerminalReport
    from onboarding_devstack.cli.screen import quiet_libraries
    from onboarding_devstack.embedded import embedded_system
    from onboarding_devstack.engines.engine_error import EngineError
    from onboarding_devstack.logs import LogFiles
    from onboarding_devstack.place import AlreadyRunningError, logs_of
    from onboarding_devstack.supervisor import StartFailedError

    quiet_libraries()
    signals = _Signals()
    report = TerminalReport(LogFiles(logs_of(folder)), show_logs=show_logs)
    try:
        async with embedded_system(folder, report, broker, postgres) as (place, supervisor):
            signals.at_second = supervisor.kill
            print_banner(place)
            await supervisor.watch()
    except AlreadyRunningError:
        raise already_running(folder, data) from None
    except EngineError as missing:
        raise engine_missing(missing) from None
    except StartFailedError as failed:
        raise did_not_start(failed, folder) from None
    except asyncio.CancelledError:
        return Exit.INTERRUPTED if signals.first == signal.SIGINT else Exit.OK
    return Exit.FAILED


class _Signals:
    """Handles Ctrl-C, SIGTERM and SIGHUP: the first one stops the system in order; the second kills it."""

    def __init__(self) -> None:
        self.first: signal.Signals | None = None
        self.at_second = lambda: None
        self._received_at = 0.0
        self._command = asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._receive, number)

    def _receive(self, which: signal.Signals) -> None:
        now = time.monotonic()
        if self.first is not None:
            if now - self._received_at > SAME_KEYSTROKE:
                self.at_second()
            return
        self.first, self._received_at = which, now
        with contextlib.suppress(OSError):
            print("stopping; repeat to kill", file=sys.stderr, flush=True)
        if self._command is not None:
            self._command.cancel()


def down(*, data: Data = None) -> Exit:
    """Stop the system on a data folder, in order. Data is kept."""
    import psutil

    from onboarding_devstack.cli.screen import err
    from onboarding_devstack.journal import end_leftovers, supervisor_of
    from onboarding_devstack.place import AlreadyRunningError, data_folder, exclusive

    folder = data_folder(data)
    supervisor = supervisor_of(folder)
    if supervisor is not None:
        supervisor.send_signal(signal.SIGTERM)
        try:
            supervisor.wait(STOP_TIMEOUT)
        except psutil.TimeoutExpired:
            raise CommandError(
                Exit.FAILED, f"process {supervisor.pid} did not stop", f"kill -9 {supervisor.pid}"
            ) from None
        err().print(f"stopped the system on {folder}", markup=False)
        return Exit.OK
    if not folder.exists():
        err().print(f"nothing runs on {folder}", markup=False)
        return Exit.OK
    try:
        with exclusive(folder):
            ended = end_leftovers(folder)
    except AlreadyRunningError:
        raise CommandError(
            Exit.FAILED, f"another process holds {folder}/lock, but {folder}/system.json names none"
        ) from None
    err().print(f"ended {', '.join(ended)}" if ended else f"nothing runs on {folder}", markup=False)
    return Exit.OK


def restart(name: ProcessName, /, *, data: Data = None) -> Exit:
    """Stop one process and wait until its successor is ready.

    Parameters
    ----------
    name:
        The process.
    """
    from onboarding_devstack.cli.health import is_healthy
    from onboarding_devstack.cli.located import must_run, option, running
    from onboarding_devstack.cli.screen import err
    from onboarding_devstack.journal import same_process
    from onboarding_devstack.system import addresses

    before = must_run(data)
    if name in before.place.engines.outside:
        address = addresses(before.place)[name]
        raise CommandError(Exit.CONFLICT, f"{name} is no process of this system: it uses the one at {address}")
    pid = int(before.journal["processes"].get(name, 0))
    process = same_process(pid, float(before.journal["started"].get(name, 0.0))) if pid else None
    if process is not None:
        process.send_signal(signal.SIGINT if name == "postgres" else signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT
    while time.monotonic() < deadline:
        system = running(data)
        now = int(system.journal["processes"].get(name, 0)) if system else 0
        if system and now and now != pid and is_healthy(system.place, name):
            err().print(f"{name} is ready again as process {now}", markup=False)
            return Exit.OK
        time.sleep(0.3)
    raise CommandError(
        Exit.FAILED, f"{name} was not ready within {STOP_TIMEOUT:g} s", ours(f"logs {name}{option(data)}")
    )
