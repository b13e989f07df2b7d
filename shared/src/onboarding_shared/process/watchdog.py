"""Ends a process whose event loop stands still, so that its supervisor starts another one.

Such a process answers nobody, not even a signal. What it had under way is taken over as after a kill.
"""

import asyncio
import contextlib
import faulthandler
from collections.abc import AsyncIterator

HANG_SECONDS = 30.0
"""The seconds after which the process ends. Nothing here takes a hundredth of it, and leases end by then."""
_FEEDS = 20
_STDERR = 2


@contextlib.asynccontextmanager
async def ends_when_hanging(seconds: float = HANG_SECONDS) -> AsyncIterator[None]:
    """While the block runs, end the process with code 1 once its loop stands still for so many seconds.

    The stacks of all threads go to standard error first. A thread of the interpreter watches, which needs no lock of
    Python: a call that never gives it back is noticed, too.
    """
    feeding = asyncio.create_task(_feed(seconds), name="watchdog")
    try:
        yield
    finally:
        feeding.cancel()
        faulthandler.cancel_dump_traceback_later()


async def _feed(seconds: float) -> None:
    while True:
        faulthandler.dump_traceback_later(seconds, exit=True, file=_STDERR)
        await asyncio.sleep(seconds / _FEEDS)
