"""Python imports this at its start where this folder is on the path: SIGHUP begins a profile, the next one writes it.

A process of the services writes to the folder ``BENCH_PROFILES``; any other process does nothing.
"""

import cProfile
import os
import signal
import sys
from pathlib import Path
from types import FrameType

_profile = cProfile.Profile()
_running = False


def _toggle(_number: int, _frame: FrameType | None) -> None:
    global _running
    _running = not _running
    if _running:
        _profile.enable()
        return
    _profile.disable()
    file = Path(os.environ["BENCH_PROFILES"]) / f"{os.getpid()}.stats"
    _profile.dump_stats(file.with_suffix(".part"))
    file.with_suffix(".part").rename(file)
    _profile.clear()


if "BENCH_PROFILES" in os.environ and "serve" in sys.orig_argv:
    signal.signal(signal.SIGHUP, _toggle)
