"""Engines as child processes of the tests: the embedded PostgreSQL, and a broker of the embedded system."""

import contextlib
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from onboarding_devstack.engines import broker, postgres
from onboarding_devstack.engines.broker import Broker
from onboarding_devstack.engines.chosen import BROKERS
from onboarding_devstack.engines.engine_error import EngineError
from tests.support.free_ports import free_port

JVM_SECONDS = 120.0


class Children:
    """The embedded PostgreSQL, and the broker `embedded` or `kafka`."""

    def __init__(self, broker_kind: str) -> None:
        self.name = broker_kind
        self._broker: Broker = BROKERS[broker_kind]()
        self.client_settings = self._broker.client_settings
        self._obtained = False
        self.processes: dict[str, int] = {}
        """``postgres`` and ``broker`` → process id, of those that run."""

    def unusable(self) -> str | None:
        """The reason that these engines cannot be used here; None when they can."""
        try:
            postgres.version()
            self._broker.describe()
        except EngineError as error:
            return str(error)
        return None

    def described(self) -> str:
        """For the header of a test run."""
        return f"PostgreSQL from a wheel; {self._broker.describe()} ({self._broker.label})"

    @contextlib.contextmanager
    def postgres_server(self) -> Iterator[str]:
        """PostgreSQL on a free port; yields its superuser's URL."""
        with _temporary_folder() as folder:
            data = folder / "postgres"
            postgres.prepare(data)
            port = free_port()
            with self._child("postgres", postgres.command(data, port), stop=signal.SIGQUIT):
                postgres.wait_until_ready(data)
                yield postgres.superuser_url(data, port)

    @contextlib.contextmanager
    def kafka_broker(self, port: int) -> Iterator[str]:
        """A broker without any topic on ``port``; yields its bootstrap address. It is killed in the end."""
        ports = {"broker": port, "controller": free_port()}
        self._obtain()
        with _temporary_folder() as folder:
            self._broker.prepare(folder, ports)
            command, environment = self._broker.command(folder, ports), self._broker.environment()
            with self._child("broker", command, env=environment, stop=signal.SIGKILL):
                address = broker.bootstrap_servers(ports)
                broker.wait_until_ready(address, JVM_SECONDS)
                yield address

    @contextlib.contextmanager
    def up_options(self) -> Iterator[list[str]]:
        """The options of `onboarding up` for an embedded system on such engines."""
        yield ["--broker", self.name]

    def _obtain(self) -> None:
        if not self._obtained:
            self._broker.obtain(print)
            self._obtained = True

    @contextlib.contextmanager
    def _child(
        self, name: str, command: list[str], *, stop: signal.Signals, env: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            self.processes[name] = process.pid
            try:
                yield
            finally:
                self.processes.pop(name, None)
                process.send_signal(stop)
                process.wait(20)


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="onb-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
