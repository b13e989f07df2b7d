"""Options of lists and of changes, and the question before a change of many."""

import sys
from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from onboarding_devstack.cli.exits import CommandError, Exit

Tenant = Annotated[int | None, Parameter(name="--tenant", help="Only of this tenant.")]
Limit = Annotated[PositiveInt, Parameter(name=("--limit", "-n"), help="How many at most.")]
Everything = Annotated[bool, Parameter(name="--all", negative="", help="All of them, without a limit.")]
OlderThan = Annotated[
    timedelta | None,
    Parameter(name="--older-than", help="Only those that are at least so old, such as 90s, 30m, 2h or 7d."),
]
DryRun = Annotated[
    bool, Parameter(name="--dry-run", negative="", help="Print what would be changed, and change nothing.")
]
Yes = Annotated[bool, Parameter(name=("--yes", "-y"), negative="", help="Do not ask for confirmation.")]
DEFAULT_LIMIT = 50


def confirm(question: str, *, yes: bool) -> None:
    """Ask on the terminal. Raises ``CommandError`` unless the answer is yes, or there is nobody to ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(Exit.USAGE, f"{question} Nobody can be asked: there is no terminal", "the same with --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError(Exit.FAILED, "not confirmed; nothing was changed")


def seconds(age: timedelta) -> int:
    """An age in whole seconds. Raises ``CommandError`` (usage) for a negative one."""
    if age < timedelta():
        raise CommandError(Exit.USAGE, "--older-than must not be negative")
    return int(age.total_seconds())
