"""A time limit that holds even for work that will not be cancelled."""

import asyncio
import time

import pytest

from onboarding_shared.messaging.bounded import within


async def test_the_result_comes_through() -> None:
    async def work() -> int:
        return 7

    assert await within(1.0, work()) == 7


async def test_an_exception_comes_through() -> None:
    async def work() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await within(1.0, work())


async def test_work_that_ignores_its_cancellation_is_left_behind_in_time() -> None:
    ended = asyncio.Event()

    async def stubborn() -> None:
        for _ in range(50):
            try:
                await asyncio.sleep(0.02)
            except asyncio.CancelledError:
                continue
        ended.set()
        raise LookupError("nobody listens any more")

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await within(0.05, stubborn())
    assert time.monotonic() - began < 0.9
    await asyncio.wait_for(ended.wait(), 10)


async def test_a_caller_that_is_cancelled_takes_the_work_with_it() -> None:
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    caller = asyncio.create_task(within(20.0, work()))
    await asyncio.sleep(0.01)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.wait_for(cancelled.wait(), 5)
