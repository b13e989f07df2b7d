"""Exit codes of the commands, and the error that carries one."""

import os
import shutil
import sys
from enum import IntEnum
from pathlib import Path


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    VERDICT = 3
    CONFLICT = 4
    UNREACHABLE = 5
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """The description in the help and the documentation."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.OK: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "wrong usage",
    Exit.VERDICT: "finished, but the verdict is not ok",
    Exit.CONFLICT: "conflict, or a prerequisite is missing",
    Exit.UNREACHABLE: "the system cannot be reached",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}


class CommandError(Exception):
    """The failure of a command: exit code, message and, if there is one, the command that fixes it."""

    def __init__(self, exit_code: Exit, message: str, next_step: str | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.next_step = next_step


NAME = "onboarding"


def ours(arguments: str) -> str:
    """A command line of `onboarding` that can be copied: with the name if it is on PATH, else with the path."""
    return f"{program()} {arguments}"


def program() -> str:
    """`onboarding`, or its path relative to the current folder, because `uv run` changes PATH only for its child."""
    started = Path(sys.argv[0])
    if started.name != NAME:
        return f"{sys.executable} -m onboarding_devstack.cli" if shutil.which(NAME) is None else NAME
    if "UV_RUN_RECURSION_DEPTH" not in os.environ and shutil.which(NAME) is not None:
        return NAME
    here = Path.cwd()
    return str(started.relative_to(here)) if started.is_relative_to(here) else str(started)
