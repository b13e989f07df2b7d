"""Free ports that stay ours while a child restarts."""

import random
import socket
from collections.abc import Iterable

HOST = "127.0.0.1"

# Below the range from which systems take the ports of outgoing connections (Linux 32768, macOS and Windows 49152):
# a client that retries while its server restarts could otherwise be given the server's own port, and connect to itself.
RANGE = range(20000, 32000)


def choose_ports(names: Iterable[str], wanted: dict[str, int] | None = None) -> dict[str, int]:
    """One free port per name: the wanted one if it is free, else a random one. Raises `RuntimeError` if none is."""
    chosen: dict[str, int] = {}
    for name in names:
        candidates = [*filter(None, [(wanted or {}).get(name)]), *random.sample(RANGE, 200)]
        port = next((each for each in candidates if each not in chosen.values() and is_free(each)), None)
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
