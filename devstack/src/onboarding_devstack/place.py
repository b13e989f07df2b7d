"""The data folder of an embedded system, with the state kept between runs: engines, ports, passwords, keys."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from onboarding_devstack.engines import broker
from onboarding_devstack.engines.chosen import EMBEDDED_ENGINES, Engines, recall_engines, remember
from onboarding_devstack.files import read_json, write_json, write_private
from onboarding_devstack.identity import Identity
from onboarding_devstack.ports import choose_ports

HOME_VARIABLE = "ONBOARDING_HOME"


def data_folder(chosen: Path | None = None) -> Path:
    """The absolute data folder: `chosen`, ONBOARDING_HOME, `.onboarding` in a checkout, or the user's data folder."""
    if chosen is not None:
        return chosen.expanduser().absolute()
    if home := os.environ.get(HOME_VARIABLE):
        return Path(home).expanduser().absolute()
    if checkout := _checkout(Path.cwd()):
        return checkout / ".onboarding"
    return platformdirs.user_data_path("onboarding", appauthor=False)


def _checkout(start: Path) -> Path | None:
    """The nearest folder at or above `start` with the sources of this project."""
    for folder in (start, *start.parents):
        if (folder / "services" / "session-api" / "pyproject.toml").is_file() and (folder / "uv.lock").is_file():
            return folder
    return None


PORT_NAMES = ("postgres", *broker.PORT_NAMES, "graph", "identity", "session-api", "task-runner", "evidence-store")
SECRET_NAMES = ("session_api", "task_runner", "evidence_store", "client_secret", "run_secret", "command_secret")


@dataclass(frozen=True)
class Place:
    """A prepared data folder."""

    folder: Path
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    engines: Engines = EMBEDDED_ENGINES

    @property
    def identity(self) -> Identity:
        """The key pair that signs development tokens."""
        return identity_of(self.folder)

    @property
    def logs(self) -> Path:
        """The folder of the log files NAME.log."""
        return logs_of(self.folder)

    @property
    def bindings(self) -> Path:
        """The file with the tenant bindings of task-runner."""
        return self.folder / "bindings.json"

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "postgres"

    @property
    def broker(self) -> Path:
        """The data folder of a persistent broker."""
        return self.folder / "broker"


def prepare(folder: Path, engines: Engines | None = None) -> Place:
    """Prepare `folder` for a start: ports (the earlier ones if free), passwords, key pair.

    `engines` are those of this start and the default of later ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logs_of(folder).mkdir(exist_ok=True)
    ports = choose_ports(PORT_NAMES, read_json(_ports(folder)))
    write_json(_ports(folder), dict(ports))
    known = read_json(_secrets(folder))
    kept = {name: known.get(name) or secrets.token_urlsafe(24) for name in SECRET_NAMES}
    write_json(_secrets(folder), kept)
    identity_of(folder).ensure()
    place = Place(folder, ports, kept, engines or recall_engines(folder))
    if not place.bindings.exists():
        write_private(place.bindings, "[]\n")
    if engines is not None:
        remember(folder, engines)
    return place


def recall(folder: Path) -> Place | None:
    """Read a place that `prepare` created earlier; None if it was never prepared."""
    ports, kept = read_json(_ports(folder)), read_json(_secrets(folder))
    if set(PORT_NAMES) - set(ports) or set(SECRET_NAMES) - set(kept):
        return None
    return Place(folder, ports, kept, recall_engines(folder))


def identity_of(folder: Path) -> Identity:
    """The key pair of a data folder, which may not exist yet."""
    return Identity(folder / "identity")


def logs_of(folder: Path) -> Path:
    """The log folder of a data folder."""
    return folder / "logs"


def _ports(folder: Path) -> Path:
    return folder / "ports.json"


def _secrets(folder: Path) -> Path:
    return folder / "secrets.json"


class AlreadyRunningError(Exception):
    """Another process supervises this data folder."""


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder; the kernel releases it when the process ends.

    Raises `AlreadyRunningError` if another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise AlreadyRunningError(str(folder)) from None
    try:
        yield
    finally:
        os.close(descriptor)
