"""The attempts that are announced, and the time of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest

from task_runner.worker.starts import Starts


@dataclass
class Begun:
    """An attempt as far as its announcement depends on it."""

    claim: Any
    began: float
    announced: bool = False
    is_over: bool = False


def starts_of(attempts: list[Begun], announced: list[Any], now: float) -> Starts:
    async def announce(claims: Sequence[Any]) -> None:
        announced.extend(claims)

    return Starts(announce, lambda: cast("Any", attempts), clock=lambda: now)


async def test_an_attempt_is_announced_after_fifty_milliseconds() -> None:
    announced: list[Any] = []
    attempts = [Begun("lasts", 10.0), Begun("new", 10.06)]
    rest = await starts_of(attempts, announced, now=10.07).turn()
    assert announced == ["lasts"]
    assert rest == pytest.approx(0.04)


async def test_an_attempt_is_announced_once() -> None:
    announced: list[Any] = []
    starts = starts_of([Begun("lasts", 10.0)], announced, now=11.0)
    await starts.turn()
    await starts.turn()
    assert announced == ["lasts"]


async def test_an_attempt_whose_result_is_being_written_is_not_announced() -> None:
    announced: list[Any] = []
    await starts_of([Begun("over", 10.0, is_over=True)], announced, now=11.0).turn()
    assert announced == []


async def test_without_attempts_the_loop_has_to_be_woken() -> None:
    starts = starts_of([], [], now=11.0)
    assert await starts.turn() == 60.0
    assert starts.is_idle


async def test_an_attempt_that_could_not_be_announced_is_due_again() -> None:
    async def fail(_: Sequence[Any]) -> None:
        raise ConnectionError

    attempt = Begun("lasts", 10.0)
    starts = Starts(fail, lambda: cast("Any", [attempt]), clock=lambda: 11.0)
    with pytest.raises(ConnectionError):
        await starts.turn()
    assert not attempt.announced
    assert not starts.is_idle
