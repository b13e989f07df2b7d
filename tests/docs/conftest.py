"""One running system for all pages whose commands are executed."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.console import Command, Ran, Shell, commands_of, fits
from tests.docs.tables import DOCS, ROOT

TUTORIAL = DOCS / "tutorial.md"
STOP = "onboarding down"
SLOW = ("onboarding up", STOP, "make demo")


class Reader:
    """Runs the commands of pages in one shell. ``ran`` has the outcome of each command."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.ran: list[tuple[Command, Ran]] = []

    def follow(self, command: Command) -> None:
        """Run one command."""
        seconds = 180.0 if any(slow in command.text for slow in SLOW) else 60.0
        self.ran.append((command, self._shell.run(command.text, seconds=seconds)))

    def differences(self, page: Path, commands: list[Command]) -> str:
        """Run the commands of a page; return each difference between the page and the outcome."""
        already = len(self.ran)
        for command in commands:
            self.follow(command)
        return "\n\n".join(filter(None, (difference(page, *ran) for ran in self.ran[already:])))


def difference(page: Path, command: Command, ran: Ran) -> str | None:
    """The difference between what a page shows and the outcome of a command, or None."""
    printed = "\n".join(ran.printed)
    if ran.exit_code != 0:
        return f"{page.name}:{command.line}: `{command.text}` ended with {ran.exit_code}:\n{printed}"
    if not fits(command.shown, ran.printed):
        shown = "\n".join(command.shown)
        return f"{page.name}:{command.line}: `{command.text}` printed:\n{printed}\nthe page shows:\n{shown}"
    return None


@contextlib.contextmanager
def new_reader() -> Iterator[Reader]:
    """A reader in the checkout, whose temporary files and data folder are removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="onboarding-docs-"))
    environment = {"ONBOARDING_HOME": str(home / "home"), "TMPDIR": str(home), "NO_COLOR": "1"}
    with contextlib.closing(Shell(ROOT, environment)) as shell:
        yield Reader(shell)
    shutil.rmtree(home, ignore_errors=True)


def parts_of(tutorial: list[Command]) -> tuple[list[Command], list[Command], Command]:
    """The tutorial's commands up to the shell's variables, those after them, and the one that stops the system."""
    begun = 1 + next(place for place, command in enumerate(tutorial) if command.text.startswith("API="))
    assert tutorial[-1].text == STOP
    return tutorial[:begun], tutorial[begun:-1], tutorial[-1]


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """A reader at the beginning of the tutorial: the system runs and the shell's variables are set."""
    begin, _, stop = parts_of(commands_of(TUTORIAL))
    with new_reader() as someone:
        try:
            differences = someone.differences(TUTORIAL, begin)
            assert not differences, differences
            yield someone
        finally:
            someone.follow(stop)
    command, ended = someone.ran[-1]
    assert difference(TUTORIAL, command, ended) is None
