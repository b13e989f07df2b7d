"""Find the embedded system that a command is about."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.journal import read_journal, supervisor_of
from onboarding_devstack.place import Place, data_folder, recall


@dataclass(frozen=True)
class Running:
    """A system that is up, or coming up."""

    place: Place
    journal: dict[str, Any]
    supervisor: int
    """Its process id."""

    @property
    def ready(self) -> bool:
        """Whether its start has finished."""
        return bool(self.journal["supervisor"].get("ready"))


def running(data: Path | None) -> Running | None:
    """The system that runs on the chosen data folder; None when none does."""
    folder = data_folder(data)
    supervisor, place = supervisor_of(folder), recall(folder)
    if supervisor is None or place is None:
        return None
    return Running(place, read_journal(folder), supervisor.pid)


def must_run(data: Path | None) -> Running:
    """The same; raises `CommandError` (unreachable) when nothing runs there."""
    found = running(data)
    if found is None:
        raise CommandError(Exit.UNREACHABLE, f"no system runs on {data_folder(data)}", ours(f"up{option(data)}"))
    return found


def option(data: Path | None) -> str:
    """The `--data` option to repeat in a command that is suggested."""
    return "" if data is None else f" --data {data}"
