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
from urllib.parse import urlsplit

import asyncpg

from onboarding_shared.devstack import broker, postgres
from onboarding_shared.postgres.migrate import migrate

_numbers = itertools.count(1)


class Server:
    """A running PostgreSQL that hands out databases, empty or with a service's schema."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._templates: dict[str, str] = {}

    def new_database(self) -> str:
        """The URL of a database that nobody has used yet, as its own role."""
        name = f"test_{next(_numbers)}"
        postgres.create_databases(self.folder, self.port, [postgres.Database(name, name, "secret")])
        return postgres.url(self.port, name, name, "secret")

    async def copy_of(self, database_url: str) -> str:
        """The URL of a new copy of a database that nobody is connected to; a fifth of the time a migration takes."""
        template = urlsplit(database_url)
        name = f"test_{next(_numbers)}"
        await self._administer(f"CREATE DATABASE {name} TEMPLATE {template.path[1:]} OWNER {template.username}")
        return template._replace(path=f"/{name}").geturl()

    def migrated_template(self, package: str) -> str:
        """The database to copy for a service's tests, which the migrations of ``package`` made. Nobody writes to it."""
        if package not in self._templates:
            self._templates[package] = self.new_database()
            migrate(self._templates[package], package)
        return self._templates[package]

    async def drop(self, database_url: str) -> None:
        """Remove a database with whoever is connected, so that the server has less to write down when it stops."""
        await self._administer(f"DROP DATABASE {urlsplit(database_url).path[1:]} WITH (FORCE)")

    async def _administer(self, statement: str) -> None:
        connection = await asyncpg.connect(postgres.superuser_url(self.folder, self.port))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

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
