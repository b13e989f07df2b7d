"""Opens connections to a service that it does not need, run in a container: does what its arguments say, prints JSON.

Arguments: ``silent`` and a number of connections, or ``header`` and a number of bytes; then host and port.
"""

import contextlib
import json
import socket
import sys
import time

HOLD_SECONDS = 15.0
ASKED = b"GET /health/live HTTP/1.1\r\nHost: x\r\n"


def silent(number: int, address: tuple[str, int]) -> int:
    """Hold connections that send nothing; returns how many the service took."""
    with contextlib.ExitStack() as stack:
        held = 0
        for _ in range(number):
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_connection(address, timeout=5))
                held += 1
        print(json.dumps("held"), flush=True)
        time.sleep(HOLD_SECONDS)
        return held


def header(size: int, address: tuple[str, int]) -> str:
    """Send one header of so many bytes; returns the first line of the answer."""
    with socket.create_connection(address, timeout=20) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(ASKED + b"X-Long: ")
            for _ in range(size // 65536):
                connection.sendall(b"a" * 65536)
        with contextlib.suppress(ConnectionError):
            return connection.recv(65536).partition(b"\r\n")[0].decode()
    return "closed"


what, count, host, port = sys.argv[1:]
print(json.dumps({"silent": silent, "header": header}[what](int(count), (host, int(port)))))
