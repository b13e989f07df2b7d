"""Locates the embedded system of a command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.journal import read_journal, supervisor_of
from onboarding_devstack.place import Place, data_folder, recall


@dataclass(frozen=True)
class Running:
    """A running or starting system."""

    place: Place
    journal: dict[str, Any]
    supervisor: int
    """The process id of the supervisor."""

    @property
    def ready(self) -> bool:
        """True if the start has finished."""
        return bool(self.journal["supervisor"].get("ready"))


def running(data: Path | None) -> Running | None:
    """The system that runs on the data folder; None if none does."""
    folder = data_folder(data)
    supervisor, place = supervisor_of(folder), recall(folder)
    if supervisor is None or place is None:
        return None
    return Running(place, read_journal(folder), supervisor.pid)


def must_run(data: Path | None) -> Running:
    """The system that runs on the data folder. Raises `CommandError` (unreachable) if none does."""
    system = running(data)
    if system is None:
        raise CommandError(Exit.UNREACHABLE, f"no system runs on {data_folder(data)}", ours(f"up{option(data)}"))
    return system


def option(data: Path | None) -> str:
    """The `--data` option for a suggested command."""
    return "" if data is None else f" --data {data}"
