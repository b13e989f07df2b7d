"""The Chromium that tests drive as a person would: one that the machine has already.

``ONBOARDING_TEST_BROWSER`` is its path; without it the first of the usual names on ``PATH`` is taken. Nothing is
downloaded.
"""

import os
import shutil
from typing import Any

BROWSER_VARIABLE = "ONBOARDING_TEST_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
)
"""Options that keep it from asking the network for anything but the pages of a test."""


def path() -> str | None:
    """The executable of the browser; None if there is none."""
    if chosen := os.environ.get(BROWSER_VARIABLE):
        return shutil.which(chosen)
    return next((program for name in NAMES if (program := shutil.which(name))), None)


def launch_options() -> dict[str, Any]:
    """The options to start it: without a window and with a fresh profile. Its sandbox refuses root."""
    return {
        "executable_path": path(),
        "args": list(ARGUMENTS),
        "chromium_sandbox": os.geteuid() != 0,
        "timeout": 60_000,
    }


def unusable() -> str | None:
    """The reason why tests cannot use a browser; None if they can."""
    if path() is not None:
        return None
    if chosen := os.environ.get(BROWSER_VARIABLE):
        return f"{BROWSER_VARIABLE}={chosen} is no program"
    return f"none of {', '.join(NAMES)} is on PATH; install one, or name it in {BROWSER_VARIABLE}"


def described() -> str:
    """The browser in words, for the header of a test run."""
    reason = unusable()
    return f"browser: {path()}" if reason is None else f"browser: none, its tests are skipped ({reason})"
