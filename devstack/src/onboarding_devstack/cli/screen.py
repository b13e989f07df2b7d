"""Console output: data to standard output, everything else to standard error, with colours if supported."""

import logging
import os
import sys
from typing import TextIO

from rich.console import Console
from rich.theme import Theme

from onboarding_devstack.cli.exits import CommandError

THEME = Theme(
    {"ok": "green", "warn": "yellow", "fail": "bold red", "unknown": "magenta", "quiet": "dim", "good": "green"}
)
WORD_STYLES = {
    "ok": "good", "succeeded": "good", "warn": "warn", "unknown": "unknown", "cancelled": "warn",
    "fail": "fail", "failed": "fail", "timed_out": "fail",
}  # fmt: skip
"""The styles of run states and check statuses."""

TABLE_WIDTH = 200


def coloured(stream: TextIO) -> bool:
    """True if output to `stream` is coloured: by NO_COLOR, FORCE_COLOR, TERM=dumb, else on a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def console(stream: TextIO, width: int | None = None) -> Console:
    """Create a console with the width of the terminal or `width`; lines are wrapped on a terminal only."""
    colour = coloured(stream)
    live = stream.isatty() and os.environ.get("TERM") != "dumb"
    return Console(
        file=stream,
        width=width,
        theme=THEME,
        highlight=False,
        no_color=not colour,
        force_terminal=live or colour,
        color_system="auto" if colour else None,
        soft_wrap=not live,
        emoji=False,
    )


def out() -> Console:
    """Create the console for data."""
    return console(sys.stdout)


def table_out() -> Console:
    """Create the console for tables, wide enough for all columns unless it is a terminal."""
    return console(sys.stdout, None if sys.stdout.isatty() else TABLE_WIDTH)


def err() -> Console:
    """Create the console for progress, hints and errors."""
    return console(sys.stderr)


def show_failure(failure: CommandError) -> None:
    """Print the error and the next step."""
    screen = err()
    screen.print("[fail]error:[/fail]", end=" ")
    screen.print(failure.message, markup=False, soft_wrap=True)
    if failure.next_step:
        screen.print("  [quiet]try:[/quiet]", end=" ")
        screen.print(failure.next_step, markup=False, soft_wrap=True)


def quiet_libraries() -> None:
    """Log only warnings of shared code, to standard error, and only critical errors of the Kafka client."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
