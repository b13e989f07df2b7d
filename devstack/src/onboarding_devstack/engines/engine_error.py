"""The error of an unavailable engine."""

import os
from pathlib import Path


class EngineError(Exception):
    """An engine is unavailable: ``name`` is the engine, the message the cause, ``next_step`` the remedy."""

    def __init__(self, name: str, why: str, next_step: str | None = None) -> None:
        super().__init__(why)
        self.name = name
        self.next_step = next_step


def mounted_noexec(name: str, program: Path) -> EngineError | None:
    """The error of an engine whose `program` is on a file system mounted noexec; None for other file systems."""
    if not os.statvfs(program).f_flag & getattr(os, "ST_NOEXEC", 0):
        return None
    why = f"no program can be started from {program.parent}: its file system is mounted noexec"
    elsewhere = "put the environment on another file system: UV_PROJECT_ENVIRONMENT=FOLDER make setup"
    return EngineError(name, why, elsewhere)
