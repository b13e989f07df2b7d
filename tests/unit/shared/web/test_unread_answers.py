"""The connections that end when their transports still have something to send."""

import asyncio

import pytest

from onboarding_shared.web.unread_answers import UnreadAnswers


class FakeTransport(asyncio.Transport):
    """A transport that says how much it still has to send."""

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.size = size
        self.high: int | None = None
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.size

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def abort(self) -> None:
        self.aborted = True


def aborted(*transports: FakeTransport) -> list[bool]:
    return [transport.aborted for transport in transports]


async def test_of_too_much_the_longest_waiting_ends_first() -> None:
    unread = UnreadAnswers(seconds=60, most_bytes=250)
    first, second, third = FakeTransport(), FakeTransport(), FakeTransport()
    for transport in (first, second, third):
        unread.add(transport)
        unread.paused(transport, 100)
    assert aborted(first, second, third) == [True, False, False]


async def test_what_waits_counts_with_its_whole_answer() -> None:
    unread = UnreadAnswers(seconds=60, most_bytes=250)
    first, second = FakeTransport(size=1), FakeTransport(size=1)
    unread.paused(first, 200)
    unread.paused(second, 100)
    assert aborted(first, second) == [True, False]


async def test_one_answer_above_the_limit_is_still_sent() -> None:
    unread = UnreadAnswers(seconds=60, most_bytes=250)
    only = FakeTransport(size=1000)
    unread.paused(only, 1000)
    assert not only.aborted


async def test_what_has_been_read_counts_no_longer() -> None:
    unread = UnreadAnswers(seconds=60, most_bytes=250)
    first, second = FakeTransport(), FakeTransport()
    unread.paused(first, 200)
    unread.resumed(first)
    unread.paused(second, 200)
    assert aborted(first, second) == [False, False]
    assert (first.high, second.high) == (None, 0)


async def test_a_rest_below_the_high_water_mark_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding_shared.web.unread_answers._LOOK_SECONDS", 0.01)
    unread = UnreadAnswers(seconds=60)
    empty, rest = FakeTransport(size=0), FakeTransport(size=1)
    unread.add(empty)
    unread.add(rest)
    await asyncio.sleep(0.1)
    assert (empty.high, rest.high) == (None, 0)
