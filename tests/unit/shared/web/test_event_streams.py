"""The queue of a stream's client, and the number of open streams."""

import asyncio

import pytest

from onboarding_shared.web.event_streams import MOST_BYTES, MOST_FRAMES, Frames, NoPlace, StreamPlaces


async def test_frames_that_wait_are_sent_together() -> None:
    frames = Frames()
    for frame in (b"a", b"b", b"c"):
        frames.put(frame)

    assert await frames.next(0) == b"abc"
    assert await frames.next(0) == b""


async def test_a_waiting_stream_is_woken_by_a_frame() -> None:
    frames = Frames()
    asyncio.get_running_loop().call_later(0.01, frames.put, b"late")

    assert await frames.next(60) == b"late"


async def test_large_frames_are_sent_in_several_parts() -> None:
    frames = Frames()
    for _ in range(4):
        frames.put(b"x" * 40_000)

    assert [len(await frames.next(0)) for _ in range(3)] == [80_000, 80_000, 0]


@pytest.mark.parametrize(
    ("frame", "fit"), [(b"x", MOST_FRAMES), (b"x" * (MOST_BYTES // 4), 4)], ids=["number", "bytes"]
)
def test_one_frame_too_many_ends_the_stream(frame: bytes, fit: int) -> None:
    frames, ended = Frames(), []
    frames.when_overflown = lambda: ended.append(True)
    for _ in range(fit):
        frames.put(frame)
    assert not frames.overflown

    frames.put(frame)
    frames.put(frame)

    assert (frames.overflown, frames.closed, ended) == (True, True, [True])


async def test_what_was_sent_waits_no_more() -> None:
    frames = Frames()
    for _ in range(20):
        frames.put(b"x" * (MOST_BYTES // 4))
        await frames.next(0)

    assert not frames.overflown


async def test_a_closed_stream_wakes_and_has_nothing() -> None:
    frames = Frames()
    asyncio.get_running_loop().call_later(0.01, frames.close)

    assert await frames.next(60) == b""
    frames.put(b"x")
    assert (frames.closed, await frames.next(60)) == (True, b"")


def test_places_are_limited_for_a_caller_and_for_all() -> None:
    places = StreamPlaces(most=2, most_of_caller=1)
    with places.place(7):
        with pytest.raises(NoPlace) as of_caller, places.place(7):
            pass
        with places.place(8), pytest.raises(NoPlace) as of_all, places.place(9):
            pass
        assert places.open == 1
    with places.place(7):
        assert places.open == 1
    assert (of_caller.value.of_caller, of_all.value.of_caller) == (True, False)
