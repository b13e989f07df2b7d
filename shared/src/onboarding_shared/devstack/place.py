"""One embedded system's data folder, and what it keeps there between runs: engines, ports, passwords, keys."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from onboarding_shared.devstack import broker
from onboarding_shared.devstack.engines import EMBEDDED_ENGINES, Engines, recall_engines, remember
from onboarding_shared.devstack.files import read_json, write_json
from onboarding_shared.devstack.identity import Identity
from onboarding_shared.devstack.ports import choose_ports

PORT_NAMES = ("postgres", *broker.PORT_NAMES, "graph", "session-api", "task-runner", "evidence-store")
SECRET_NAMES = ("session_api", "task_runner", "evidence_store", "client_secret")


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
        """Where each process's log lies, as NAME.log."""
        return logs_of(self.folder)

    @property
    def postgres(self) -> Path:
        """PostgreSQL's data folder."""
        return self.folder / "postgres"

    @property
    def broker(self) -> Path:
        """Where a broker that keeps its messages keeps them."""
        return self.folder / "broker"


def prepare(folder: Path, engines: Engines | None = None) -> Place:
    """Make `folder` ready for a system that is not running: ports (the earlier ones if free), passwords, key pair.

    `engines` are those of this start and, until told otherwise, of the next ones.
    """
    folder.mkdir(parents=True, exist_ok=True)
    logs_of(folder).mkdir(exist_ok=True)
    ports = choose_ports(PORT_NAMES, read_json(_ports(folder)))
    write_json(_ports(folder), dict(ports))
    known = read_json(_secrets(folder))
    kept = {name: known.get(name) or secrets.token_urlsafe(24) for name in SECRET_NAMES}
    write_json(_secrets(folder), kept)
    identity_of(folder).ensure()
    if engines is not None:
        remember(folder, engines)
    return Place(folder, ports, kept, engines or recall_engines(folder))


def recall(folder: Path) -> Place | None:
    """The place as an earlier `prepare` left it, for commands that look at a running system; None if it never was."""
    ports, kept = read_json(_ports(folder)), read_json(_secrets(folder))
    if set(PORT_NAMES) - set(ports) or set(SECRET_NAMES) - set(kept):
        return None
    return Place(folder, ports, kept, recall_engines(folder))


def identity_of(folder: Path) -> Identity:
    """The key pair of a data folder, there or not."""
    return Identity(folder / "identity")


def logs_of(folder: Path) -> Path:
    """The folder of logs of a data folder."""
    return folder / "logs"


def _ports(folder: Path) -> Path:
    return folder / "ports.json"


def _secrets(folder: Path) -> Path:
    return folder / "secrets.json"
