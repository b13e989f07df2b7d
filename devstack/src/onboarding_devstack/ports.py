"""Free ports that stay ours while a child restarts."""

import fcntl
import functools
import os
import random
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

HOST = "127.0.0.1"

# Below the range from which systems take the ports of outgoing connections (Linux 32768, macOS and Windows 49152):
# a client that retries while its server restarts could otherwise be given the server's own port, and connect to itself.
RANGE = range(20000, 32000)


def choose_ports(names: Iterable[str], wanted: dict[str, int] | None = None) -> dict[str, int]:
    """One free port per name: the wanted one if it is free, else a random one. Raises `RuntimeError` if none is.

    No other process of this user is given them as long as this one lives: seconds pass until a child listens, and a
    neighbour that took the port meanwhile would answer the question whether our child is ready.
    """
    chosen: dict[str, int] = {}
    for name in names:
        candidates = [*filter(None, [(wanted or {}).get(name)]), *random.sample(RANGE, 200)]
        port = next(
            (each for each in candidates if each not in chosen.values() and is_free(each) and _reserve(each)), None
        )
        if port is None:
            raise RuntimeError(f"no free port between {RANGE.start} and {RANGE.stop - 1} for {name}")
        chosen[name] = port
    return chosen


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:`port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
        return True


def _reserve(port: int) -> bool:
    """Lock one byte of a file, at the port's place. The kernel lets go of it when this process ends."""
    try:
        fcntl.lockf(_reservations(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _reservations() -> int:
    """Opened once and never closed: that would give up every lock."""
    path = Path(tempfile.gettempdir()) / f"onboarding-ports-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
