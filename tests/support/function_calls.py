"""Counts the Python functions that a piece of code calls: a figure that no machine changes."""

import gc
import sys
from types import FrameType


class CountedCalls:
    """``with CountedCalls() as calls:`` counts the calls of this thread in the block, in ``calls.total``.

    Functions in C do not count; a generator counts once for each value. The garbage collector, whose callbacks and
    finalizers belong to other code, rests.
    """

    def __init__(self) -> None:
        self.total = 0
        self._collected = gc.isenabled()

    def __enter__(self) -> "CountedCalls":
        gc.disable()
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        self.total -= 1  # this one
        if self._collected:
            gc.enable()

    def _count(self, _frame: FrameType, event: str, _argument: object) -> None:
        self.total += event == "call"
