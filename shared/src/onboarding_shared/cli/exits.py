"""How commands end: one table of exit codes, and the failure that carries one."""

from enum import IntEnum


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
        """In words, as help and documents print it."""
        return _MEANINGS[self]


_MEANINGS = {
    Exit.OK: "done",
    Exit.FAILED: "failed",
    Exit.USAGE: "wrong usage",
    Exit.VERDICT: "finished, but the verdict is not ok",
    Exit.CONFLICT: "conflict, or something that has to be there is missing",
    Exit.UNREACHABLE: "the system cannot be reached",
    Exit.INTERRUPTED: "interrupted by Ctrl-C",
}


class CommandError(Exception):
    """A command's unhappy end: what is wrong and, where there is one, the command that mends it."""

    def __init__(self, exit_code: Exit, message: str, next_step: str | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.next_step = next_step
