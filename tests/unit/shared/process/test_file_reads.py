"""Reads of files that may be no files, and calls that may never return."""

import asyncio
import os
import socket
import threading
import time
from pathlib import Path

import pytest

from onboarding_shared.process.file_reads import BlockingCalls, UnreadableFile, read_regular_file


def test_a_small_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    assert read_regular_file(tmp_path / "file", 5) == b"12345"


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    began = time.monotonic()

    with pytest.raises(UnreadableFile, match="larger"):
        read_regular_file(tmp_path / "sparse", 5)
    assert time.monotonic() - began < 1


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    began = time.monotonic()

    for path in (tmp_path / "pipe", tmp_path / "link", tmp_path / "socket", tmp_path, Path("/dev/zero")):
        with pytest.raises((UnreadableFile, OSError)):
            read_regular_file(path, 100)
    assert time.monotonic() - began < 1


async def test_a_call_that_hangs_is_given_up_and_the_loop_goes_on() -> None:
    calls, release = BlockingCalls(threads=1), threading.Event()
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.01)

    counting = asyncio.create_task(count())
    with pytest.raises(TimeoutError):
        await calls.run("a", release.wait, 0.3)
    counting.cancel()
    release.set()

    assert turns > 10


async def test_hanging_calls_of_one_key_take_one_thread() -> None:
    calls, release = BlockingCalls(threads=2), threading.Event()
    waits = [calls.run("same", release.wait, 0.2) for _ in range(10)]

    assert all(isinstance(ended, TimeoutError) for ended in await asyncio.gather(*waits, return_exceptions=True))
    assert await calls.run("other", lambda: "read", 1.0) == "read"
    release.set()


async def test_hanging_calls_take_no_thread_of_the_loops_executor() -> None:
    calls, release = BlockingCalls(threads=2), threading.Event()
    waits = [calls.run(number, release.wait, 0.2) for number in range(100)]

    await asyncio.gather(*waits, return_exceptions=True)

    assert await asyncio.wait_for(asyncio.to_thread(lambda: "resolved"), 1.0) == "resolved"
    release.set()


async def test_a_call_raises_what_it_raised() -> None:
    def fail() -> None:
        raise OSError("no such file")

    with pytest.raises(OSError, match="no such file"):
        await BlockingCalls(threads=1).run("a", fail)


async def test_threads_are_started_as_calls_hang_and_used_again() -> None:
    calls, release = BlockingCalls(threads=8), threading.Event()
    before = threading.active_count()
    for number in range(10):
        await calls.run(number, lambda: None)
    assert threading.active_count() == before + 1

    waits = [calls.run(f"hang {number}", release.wait, 0.1) for number in range(3)]
    await asyncio.gather(*waits, return_exceptions=True)
    assert await calls.run("other", lambda: "read", 1.0) == "read"
    assert threading.active_count() == before + 4
    release.set()
