"""The engines that the tests run on: one PostgreSQL and one broker, in folders that go away."""

import contextlib
import itertools
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from onboarding_shared.devstack import broker, postgres

_numbers = itertools.count(1)


class Server:
    """A running PostgreSQL that hands out empty databases."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port

    def new_database(self) -> str:
        """The URL of a database that nobody has used yet, as its own role."""
        name = f"test_{next(_numbers)}"
        postgres.create_databases(self.folder, self.port, [postgres.Database(name, name, "secret")])
        return postgres.url(self.port, name, name, "secret")

    def superuser_url(self, database_url: str) -> str:
        """The same database as the superuser, who may do what the service's role must not."""
        return postgres.superuser_url(self.folder, self.port, database_url.rsplit("/", 1)[1])


@contextlib.contextmanager
def postgres_server() -> Iterator[Server]:
    """PostgreSQL on a free port."""
    with _temporary_folder() as folder:
        data = folder / "postgres"
        postgres.prepare(data)
        port = free_port()
        with _child(postgres.command(data, port), stop=signal.SIGQUIT):
            postgres.wait_until_ready(data)
            yield Server(data, port)


@contextlib.contextmanager
def kafka_broker(port: int | None = None) -> Iterator[str]:
    """A Kafka-protocol broker; yields its bootstrap address."""
    port = port or free_port()
    with _child(broker.command(port), env=broker.environment(), stop=signal.SIGKILL):
        broker.wait_until_ready(port)
        yield broker.bootstrap_servers(port)


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="onb-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _child(command: list[str], *, stop: signal.Signals, env: Mapping[str, str] | None = None) -> Iterator[None]:
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.send_signal(stop)
            process.wait(20)
