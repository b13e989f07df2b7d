"""A process whose event loop stands still."""

import subprocess
import sys
import time

import pytest

PROGRAM = """
import asyncio, re, time
from onboarding_shared.process.watchdog import ends_when_hanging

async def main():
    async with ends_when_hanging(1.0):
        await asyncio.sleep(1.5)
        print("lives", flush=True)
        {hang}
    await asyncio.sleep(1.5)
    print("ended", flush=True)

asyncio.run(main())
"""


def run(hang: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM.format(hang=hang)]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize(
    "hang", ["time.sleep(60)", "re.match('(a+)+$', 'a' * 60 + 'b')"], ids=["blocked", "with the interpreter's lock"]
)
def test_it_ends_with_the_stacks_of_its_threads(hang: str) -> None:
    began = time.monotonic()
    ended = run(hang)

    assert (ended.returncode, ended.stdout) == (1, "lives\n")
    assert "Timeout" in ended.stderr and "in main" in ended.stderr
    assert time.monotonic() - began < 30


def test_a_process_that_only_waits_goes_on() -> None:
    assert run("await asyncio.sleep(1.5)").stdout == "lives\nended\n"
