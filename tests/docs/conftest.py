"""One running system for all pages whose commands are executed."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import Command, Ran, Shell, commands_of
from tests.docs.tables import ROOT

README = ROOT / "README.md"
START, STOP = "onboarding up --detach", "onboarding down"
PATIENCE = {START: 180.0, STOP: 90.0, "make demo": 180.0}


class Reader:
    """Somebody who follows the pages in one shell. ``ran`` has what became of each command."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.ran: list[tuple[Command, Ran]] = []

    def follow(self, command: Command) -> None:
        """Run one command."""
        ran = self._shell.run(command.text, seconds=PATIENCE.get(command.text, 60.0))
        self.ran.append((command, ran))


def start_of(commands: list[Command]) -> list[Command]:
    """From the first command of the tour to the last one that only sets the shell up."""
    begin = next(place for place, command in enumerate(commands) if command.text.startswith(". .venv"))
    end = next(place for place, command in enumerate(commands) if command.text.startswith("API="))
    return commands[begin : end + 1]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """A reader at the beginning of README's tour: the system runs and the shell's variables are set."""
    home = Path(tempfile.mkdtemp(prefix="onboarding-docs-"))
    with contextlib.closing(Shell(ROOT, {"ONBOARDING_HOME": str(home), "NO_COLOR": "1"})) as shell:
        someone = Reader(shell)
        commands = commands_of(README)
        try:
            for command in start_of(commands):
                someone.follow(command)
            yield someone
        finally:
            someone.follow(next(command for command in commands if command.text == STOP))
    command, ended = someone.ran[-1]
    assert ended.exit_code == 0, ended.printed
    shutil.rmtree(home, ignore_errors=True)
