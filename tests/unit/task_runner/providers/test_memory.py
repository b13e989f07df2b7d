"""The memory for answers: who gets it, who waits, and what happens if it is full."""

import asyncio

import pytest

from task_runner.providers import memory
from task_runner.providers.memory import MEMORY_BUSY, AnswerMemory, Share
from task_runner.tasks.result import AttemptDeferred, CannotTell, TaskFault

MB = 1024**2


async def test_what_a_run_holds_is_given_back_at_its_end() -> None:
    answers = AnswerMemory(8 * MB)
    share = Share(answers)

    await share.reserve(3 * MB)
    await share.reserve(2 * MB)
    share.give_back(MB)
    assert (share.held, answers.used) == (4 * MB, 4 * MB)
    share.close()

    assert (share.held, answers.used) == (0, 0)


async def test_a_run_that_is_forgotten_gives_back_too() -> None:
    answers = AnswerMemory(8 * MB)
    await Share(answers).reserve(MB)

    assert answers.used == 0


async def test_a_run_that_needs_too_much_alone_is_told_so() -> None:
    share = Share(AnswerMemory(8 * MB))
    await share.reserve(5 * MB)

    with pytest.raises(CannotTell) as caught:
        await share.reserve(2 * MB)
    assert caught.value.reason_code == "RESPONSE_TOO_LARGE"


async def test_those_who_wait_get_their_turn_in_order() -> None:
    answers = AnswerMemory(8 * MB)
    first, second, third = (Share(answers) for _ in range(3))
    await first.reserve(5 * MB)
    order: list[str] = []

    async def wait(name: str, share: Share) -> None:
        await share.reserve(4 * MB)
        order.append(name)
        share.close()

    waiting = [asyncio.create_task(wait("second", second)), asyncio.create_task(wait("third", third))]
    await asyncio.sleep(0)
    assert order == []
    first.close()
    await asyncio.gather(*waiting)

    assert (order, answers.used) == (["second", "third"], 0)


async def test_a_run_without_room_in_time_goes_back_to_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PATIENCE", 0.02)
    answers = AnswerMemory(8 * MB)
    other = Share(answers)
    await other.reserve(5 * MB)

    with pytest.raises(AttemptDeferred) as caught:
        await Share(answers).reserve(4 * MB)
    assert caught.value.reason_code == MEMORY_BUSY
    assert 6 <= (caught.value.retry_after or 0) <= 15
    other.close()
    assert answers.used == 0


async def test_a_run_that_went_back_too_often_fails_as_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "PATIENCE", 0.02)
    answers = AnswerMemory(8 * MB)
    other = Share(answers)
    await other.reserve(5 * MB)

    with pytest.raises(TaskFault) as caught:
        await Share(answers, deferrals=10).reserve(4 * MB)
    assert not isinstance(caught.value, AttemptDeferred)
    assert (caught.value.reason_code, caught.value.retryable) == (MEMORY_BUSY, True)
    other.close()


async def test_the_last_quarter_is_for_those_who_began() -> None:
    answers = AnswerMemory(8 * MB)
    began, new = Share(answers), Share(answers)
    await began.reserve(5 * MB)

    assert answers.take(MB, began.held)
    assert not answers.take(2 * MB, new.held)
    assert answers.take(2 * MB, began.held)


async def test_a_cancelled_wait_holds_nothing() -> None:
    answers = AnswerMemory(8 * MB)
    first, second = Share(answers), Share(answers)
    await first.reserve(5 * MB)
    waiting = asyncio.create_task(second.reserve(4 * MB))
    await asyncio.sleep(0)

    first.close()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (second.held, answers.used) == (0, 0)
