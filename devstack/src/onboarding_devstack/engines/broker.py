"""What a broker of the embedded system has to offer, and how anybody asks one whether it is ready.

How a fixture uses one::

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
    """A broker that runs as one child process in the foreground, on ports of 127.0.0.1; SIGTERM stops it cleanly."""

    label: str
    """What it is, for people."""
    keeps_messages: bool
    """Whether topics, messages and offsets survive a restart."""
    client_settings: Mapping[str, str]
    """What its clients need in their environment beside the address."""

    def obtain(self, say: Callable[[str], None]) -> None:
        """See to it that its programs are on this machine. Raises `EngineError`."""

    def describe(self) -> str:
        """Its version and what runs it. Raises `EngineError`."""

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> None:
        """Make ``folder`` ready before each start; what it holds is kept. Raises `EngineError`."""

    def command(self, folder: Path, ports: Mapping[str, int]) -> list[str]:
        """The command line of the process. Raises `EngineError`."""

    def environment(self) -> dict[str, str]:
        """The environment of the process."""


def bootstrap_servers(ports: Mapping[str, int]) -> str:
    """What clients take as `KAFKA_BOOTSTRAP_SERVERS`."""
    return f"{HOST}:{ports['broker']}"


def is_ready(address: str) -> bool:
    """Whether a Kafka-protocol server answers now at one of `host:port[,host:port…]` (an open port is not enough)."""
    return any(_answers(*each.strip().rsplit(":", 1)) for each in address.split(","))


def _answers(host: str, port: str) -> bool:
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=1) as connection:
            connection.sendall(_API_VERSIONS)
            return len(connection.recv(4)) == 4
    except OSError:
        return False


def wait_until_ready(address: str, timeout: float = 10.0) -> None:
    """Return when the broker answers; raises `TimeoutError` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not is_ready(address):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker at {address} was not ready within {timeout:g} s")
        time.sleep(0.02)
