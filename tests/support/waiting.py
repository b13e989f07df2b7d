"""Waiting for what happens elsewhere, without a fixed sleep."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(
    look: Callable[[], Any | Awaitable[Any]], *, equals: Any = True, seconds: float = 15.0, every: float = 0.02
) -> Any:
    """Look again and again until the answer is ``equals`` (default: true); fails with the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = look()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer == equals or (equals is True and answer):
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s it still was {answer!r}, not {equals!r}")
        await asyncio.sleep(every)
