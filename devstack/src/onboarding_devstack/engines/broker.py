"""The interface of a broker of the embedded system, and its readiness check.

Use in a fixture::

    own = EmbeddedBroker()                           # devstack.embedded_broker; ApacheKafka in devstack.kafka_jvm
    own.obtain(print)
    own.prepare(folder, ports)
    process = subprocess.Popen(own.command(folder, ports), env=own.environment(), stdout=subprocess.DEVNULL)
    wait_until_ready(bootstrap_servers(ports), timeout=30)
    process.terminate(); process.wait()
"""

import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

HOST = "127.0.0.1"
PORT_NAMES = ("broker", "controller")
"""The ports that a broker may use; only ``broker`` is for clients."""

# ApiVersions v0 request: size, api key 18, version 0, correlation id 1, null client id.
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)


class Broker(Protocol):
    """A broker that runs as a child process in the foreground, on ports of 127.0.0.1; SIGTERM stops it cleanly."""

    label: str
    """The display name."""
    keeps_messages: bool
    """True if topics, messages and offsets survive a restart."""
    client_settings: Mapping[str, str]
    """Environment variables of its clients, except the address."""

    def obtain(self, report: Callable[[str], None]) -> None:
        """Install missing programs. Raises `EngineError`."""

    def describe(self) -> str:
        """Version and runtime. Raises `EngineError`."""

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> None:
        """Prepare ``folder`` before each start; its content is kept. Raises `EngineError`."""

    def command(self, folder: Path, ports: Mapping[str, int]) -> list[str]:
        """The command line of the process. Raises `EngineError`."""

    def environment(self) -> dict[str, str]:
        """The environment of the process."""


def bootstrap_servers(ports: Mapping[str, int]) -> str:
    """The value of `KAFKA_BOOTSTRAP_SERVERS` for clients."""
    return f"{HOST}:{ports['broker']}"


def is_ready(address: str) -> bool:
    """True if a server responds to the Kafka protocol at one of `host:port[,host:port…]`."""
    return any(_responds(*server.strip().rsplit(":", 1)) for server in address.split(","))


def _responds(host: str, port: str) -> bool:
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=1) as client:
            client.sendall(_API_VERSIONS)
            return len(client.recv(4)) == 4
    except OSError:
        return False


def wait_until_ready(address: str, timeout: float = 10.0) -> None:
    """Wait until the broker responds. Raises `TimeoutError` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not is_ready(address):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker at {address} was not ready within {timeout:g} s")
        time.sleep(0.02)
