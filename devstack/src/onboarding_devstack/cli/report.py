"""What a person sees while the embedded system runs: events, and the processes' logs with a coloured prefix."""

import contextlib
import sys
import time

from onboarding_devstack.cli.screen import coloured
from onboarding_devstack.logs import LogFiles, rendered
from onboarding_devstack.system import PROCESSES

WIDTH = max(map(len, PROCESSES))
COLOURS = dict(zip(PROCESSES, (34, 35, 36, 32, 33, 96), strict=True))


def prefix(name: str, colour: bool) -> str:
    """The start of a line about process `name`, as wide as every other one."""
    text = f"{name:<{WIDTH}} |"
    return f"\x1b[{COLOURS.get(name, 90)}m{text}\x1b[0m" if colour else text


class TerminalReport:
    """Events to standard error; logs to their files and, when asked for, to standard output."""

    def __init__(self, files: LogFiles, *, show_logs: bool) -> None:
        self._files = files
        self._show_logs = show_logs
        self._began = time.monotonic()
        self._colour_events = coloured(sys.stderr)
        self._colour_logs = coloured(sys.stdout)

    def say(self, name: str, words: str, *, bad: bool = False) -> None:
        """Print one event with the seconds since the start."""
        shown = f"\x1b[1;31m{words}\x1b[0m" if bad and self._colour_events else words
        since = f"{time.monotonic() - self._began:6.1f}s"
        with contextlib.suppress(OSError):  # the terminal is gone: what runs must be stopped all the same
            print(since, prefix(name, self._colour_events), shown, file=sys.stderr, flush=True)

    def log(self, name: str, line: bytes) -> None:
        """Keep one log line, and show it."""
        self._files.write(name, line)
        if not self._show_logs:
            return
        try:
            for shown in rendered(line.decode("utf-8", "replace")).splitlines():
                print(prefix(name, self._colour_logs), shown, flush=True)
        except OSError:
            self._show_logs = False  # nobody reads on
