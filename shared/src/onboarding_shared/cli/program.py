"""How our commands are called from the user's shell, for every command that we suggest."""

import os
import shutil
import sys
from pathlib import Path

NAME = "onboarding"


def ours(arguments: str) -> str:
    """A command line of ours as it works when copied: by its name where the shell finds it, else by its path."""
    return f"{program()} {arguments}"


def program() -> str:
    """`onboarding`, or the path to it from here. What `uv run` puts on PATH is not on the shell's."""
    started = Path(sys.argv[0])
    if started.name != NAME:
        return f"{sys.executable} -m onboarding_shared.cli" if shutil.which(NAME) is None else NAME
    if "UV_RUN_RECURSION_DEPTH" not in os.environ and shutil.which(NAME) is not None:
        return NAME
    here = Path.cwd()
    return str(started.relative_to(here)) if started.is_relative_to(here) else str(started)
