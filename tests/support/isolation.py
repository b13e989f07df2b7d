"""The rule of tests/unit: no process is started, no address is connected to or bound.

An audit hook of the interpreter sees every way to do so. It cannot be removed: it looks while `isolated` is entered.
"""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

RULE = "a test in tests/unit starts no process and opens no connection; it belongs into tests/integration"
STARTS = frozenset(
    {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.exec", "os.system", "pty.spawn"}
)
CONNECTIONS = frozenset({"socket.connect", "socket.bind"})
NETWORKS = frozenset({socket.AF_INET, socket.AF_INET6})


class Watch:
    """Refuses each violation of the rule and records it, since the code under test may swallow the refusal."""

    def __init__(self) -> None:
        self.broken: list[str] | None = None
        self._hooked = False

    def hook(self) -> None:
        if not self._hooked:
            self._hooked = True
            sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.broken is None or (event not in STARTS and event not in CONNECTIONS):
            return
        if event in CONNECTIONS and arguments[0].family not in NETWORKS:
            return
        done = f"{event}({', '.join(map(repr, arguments[-1:] if event in CONNECTIONS else arguments[:2]))})"
        self.broken.append(done)
        raise AssertionError(f"{RULE}: {done}")


WATCH = Watch()


@contextmanager
def isolated() -> Iterator[None]:
    """Raise `AssertionError` where something inside breaks the rule, and at the end if that was swallowed."""
    WATCH.hook()
    before, WATCH.broken = WATCH.broken, []
    broken = WATCH.broken
    try:
        yield
    finally:
        WATCH.broken = before
    if broken:
        raise AssertionError(f"{RULE}: {'; '.join(broken)}")
