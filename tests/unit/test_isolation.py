"""Nothing gets past the rule of this folder, whatever way it takes."""

import asyncio
import contextlib
import os
import socket
import subprocess
from collections.abc import Callable

import pytest

from tests.support.isolation import isolated

ANYWHERE = ("127.0.0.1", 9)


def connect(family: socket.AddressFamily, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    with socket.socket(family, kind) as client:
        client.connect(("::1" if family is socket.AF_INET6 else "127.0.0.1", 9))


def bind() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: subprocess.run(["true"]),
        lambda: os.system("true"),
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: asyncio.run(asyncio.create_subprocess_exec("true")),
        lambda: connect(socket.AF_INET),
        lambda: connect(socket.AF_INET6),
        lambda: connect(socket.AF_INET, socket.SOCK_DGRAM),
        bind,
        lambda: asyncio.run(asyncio.open_connection(*ANYWHERE)),
        lambda: asyncio.run(asyncio.start_server(print, "127.0.0.1", 0)),
    ],
    ids=["run", "system", "spawn", "asyncio", "connect", "connect6", "datagram", "serve", "open", "start-server"],
)
def test_a_process_or_connection_is_refused_with_the_rule(attempt: Callable[[], object]) -> None:
    with pytest.raises(AssertionError, match="belongs into tests/integration"), isolated():
        attempt()


def swallowed() -> None:
    with contextlib.suppress(AssertionError):
        connect(socket.AF_INET)


def test_a_swallowed_refusal_is_raised_at_the_end() -> None:
    with pytest.raises(AssertionError, match=r"socket\.connect\(\('127\.0\.0\.1', 9\)\)"), isolated():
        swallowed()


def test_an_event_loop_and_files_are_free() -> None:
    with isolated():
        asyncio.run(asyncio.sleep(0))
        left, right = socket.socketpair()
    left.close()
    right.close()
