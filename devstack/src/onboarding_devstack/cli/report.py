"""Terminal output of a running embedded system: events, and the processes' logs with a coloured prefix."""

import contextlib
import sys
import time

from onboarding_devstack.cli.screen import coloured
from onboarding_devstack.logs import LogFiles, rendered
from onboarding_devstack.system import PROCESSES

WIDTH = max(map(len, PROCESSES))
COLOURS = dict(zip(PROCESSES, (34, 35, 36, 95, 32, 33, 96), strict=True))


def prefix(name: str, colour: bool) -> str:
    """The prefix of a line about process `name`, of fixed width."""
    text = f"{name:<{WIDTH}} |"
    return f"\x1b[{COLOURS.get(name, 90)}m{text}\x1b[0m" if colour else text


class TerminalReport:
    """Writes events to standard error; logs to their files and optionally to standard output."""

    def __init__(self, files: LogFiles, *, show_logs: bool) -> None:
        self._files = files
        self._show_logs = show_logs
        self._began = time.monotonic()
        self._colour_events = coloured(sys.stderr)
        self._colour_logs = coloured(sys.stdout)

    def event(self, name: str, text: str, *, failed: bool = False) -> None:
        """Print an event with the seconds since the start."""
        shown = f"\x1b[1;31m{text}\x1b[0m" if failed and self._colour_events else text
        since = f"{time.monotonic() - self._began:6.1f}s"
        with contextlib.suppress(OSError):  # the terminal was closed: the processes must still be stopped
            print(since, prefix(name, self._colour_events), shown, file=sys.stderr, flush=True)

    def log(self, name: str, line: bytes) -> None:
        """Store a log line, and print it if logs are shown."""
        self._files.write(name, line)
        if not self._show_logs:
            return
        try:
            for shown in rendered(line.decode("utf-8", "replace")).splitlines():
                print(prefix(name, self._colour_logs), shown, flush=True)
        except OSError:
            self._show_logs = False  # the reader closed the pipe
