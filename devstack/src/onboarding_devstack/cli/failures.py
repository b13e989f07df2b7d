"""Why a system does not start, and what to do about it."""

from pathlib import Path

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.engines.engine_error import EngineError


def already_running(folder: Path, data: Path | None) -> CommandError:
    """The failure to start what runs."""
    from onboarding_devstack.cli.located import option, running

    found = running(data)
    who = f"process {found.supervisor}" if found else "another process"
    return CommandError(
        Exit.CONFLICT,
        f"{who} already runs the system on {folder}",
        f"{ours('status')}{option(data)}, or {ours('down')}{option(data)}, or another folder with --data",
    )


def engine_missing(missing: EngineError) -> CommandError:
    """The failure to get hold of an engine."""
    return CommandError(Exit.CONFLICT, f"{missing.name}: {missing}", missing.next_step)


def did_not_start(failed: Exception, folder: Path) -> CommandError:
    """The failure of a process to get ready, with the end of its log."""
    from onboarding_devstack.logs import log_path, rendered, tail
    from onboarding_devstack.place import logs_of

    path = log_path(logs_of(folder), getattr(failed, "name", ""))
    ending = "\n".join(f"  {rendered(line)}" for line in tail(path, 15))
    return CommandError(Exit.FAILED, f"{failed}\nthe end of {path}:\n{ending}", ours("doctor"))
