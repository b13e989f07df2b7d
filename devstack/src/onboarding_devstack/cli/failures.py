"""Errors of the start of a system, with their remedies."""

from pathlib import Path

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.engines.engine_error import EngineError


def already_running(folder: Path, data: Path | None) -> CommandError:
    """The error for a system that is already running."""
    from onboarding_devstack.cli.located import option, running

    system = running(data)
    owner = f"process {system.supervisor}" if system else "another process"
    return CommandError(
        Exit.CONFLICT,
        f"{owner} already runs the system on {folder}",
        f"{ours('status')}{option(data)}, or {ours('down')}{option(data)}, or another folder with --data",
    )


def engine_missing(missing: EngineError) -> CommandError:
    """The error for an unavailable engine."""
    return CommandError(Exit.CONFLICT, f"{missing.name}: {missing}", missing.next_step)


def did_not_start(failed: Exception, folder: Path) -> CommandError:
    """The error for a process that did not become ready, with the end of its log."""
    from onboarding_devstack.logs import log_path, rendered, tail
    from onboarding_devstack.place import logs_of

    path = log_path(logs_of(folder), getattr(failed, "name", ""))
    ending = "\n".join(f"  {rendered(line)}" for line in tail(path, 15))
    return CommandError(Exit.FAILED, f"{failed}\nthe end of {path}:\n{ending}", ours("doctor"))
