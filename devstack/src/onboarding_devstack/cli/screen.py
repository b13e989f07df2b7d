"""Where words go: data to standard output, everything else to standard error, colours only where they are welcome."""

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


TABLE_WIDTH = 200


def coloured(stream: TextIO) -> bool:
    """Whether to colour what goes to `stream`: NO_COLOR and TERM=dumb say no, FORCE_COLOR yes, else a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def console(stream: TextIO, width: int | None = None) -> Console:
    """A console on a stream, as wide as the terminal or `width`; lines are folded on a terminal only."""
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
    """For data."""
    return console(sys.stdout)


def table_out() -> Console:
    """For tables: nothing is cut short where nobody's terminal is too narrow."""
    return console(sys.stdout, None if sys.stdout.isatty() else TABLE_WIDTH)


def err() -> Console:
    """For progress, hints and errors."""
    return console(sys.stderr)


def show_failure(failure: CommandError) -> None:
    """Say what is wrong and what to do next."""
    screen = err()
    screen.print("[fail]error:[/fail]", end=" ")
    screen.print(failure.message, markup=False, soft_wrap=True)
    if failure.next_step:
        screen.print("  [quiet]try:[/quiet]", end=" ")
        screen.print(failure.next_step, markup=False, soft_wrap=True)


def quiet_libraries() -> None:
    """Only warnings of the code that we share with the services, to standard error; nothing of the Kafka client's."""
    import structlog

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
