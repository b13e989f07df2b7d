"""Background loops rest without work."""

import asyncio

from onboarding_shared.process.loop import Loop


async def test_a_resting_loop_needs_no_further_task() -> None:
    turns = 0

    async def turn() -> float:
        nonlocal turns
        turns += 1
        return 60.0

    loop = Loop("test", turn, count_failure=lambda: None)
    before = len(asyncio.all_tasks())
    loop.start()
    await asyncio.sleep(0.01)
    assert (turns, len(asyncio.all_tasks())) == (1, before + 1)
    loop.wake()
    await asyncio.sleep(0.01)
    assert turns == 2
    await loop.stop()
