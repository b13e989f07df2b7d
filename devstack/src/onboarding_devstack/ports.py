"""Chooses free ports and reserves them while this process runs."""

import fcntl
import functools
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

HOST = "127.0.0.1"

# Below the ephemeral port range (Linux 32768, macOS and Windows 49152): a client that retries while its server restarts
# could otherwise be assigned the port of the server, and connect to itself.
RANGE = range(20000, 32000)


def choose_ports(names: Iterable[str], wanted: dict[str, int] | None = None) -> dict[str, int]:
    """Choose a free port per name: the wanted one if it is free, else a random one. Raises `RuntimeError` if none is.

    The ports are reserved for the lifetime of this process: seconds pass until a child listens, and another process
    on the port would answer the readiness checks of the child.
    """
    chosen: dict[str, int] = {}
    for name in names:
        candidates = [*filter(None, [(wanted or {}).get(name)]), *random.sample(RANGE, 200)]
        port = next(
            (port for port in candidates if port not in chosen.values() and is_free(port) and _reserve(port)), None
        )
        if port is None:
            raise RuntimeError(f"no free port between {RANGE.start} and {RANGE.stop - 1} for {name}")
        chosen[name] = port
    return chosen


def is_free(port: int) -> bool:
    """True if a server can listen on 127.0.0.1:`port`."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
        return True


def _reserve(port: int) -> bool:
    """Lock the byte of the reservation file at the offset `port`. The kernel releases it when this process ends."""
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _reservations() -> int:
    """Open the reservation file. It is never closed, because closing releases every lock."""
    path = Path(tempfile.gettempdir()) / f"onboarding-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
