"""``SERVICE dlq``: its arguments. What it does is imported when it runs."""

import argparse
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from onboarding_shared.contracts.dead_letters import DeadLetterState
from onboarding_shared.contracts.topics import ALL_TOPICS
from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.process.service_settings import ServiceSettings
from onboarding_shared.process.settings import load_for
from onboarding_shared.service import OperatorCommand

if TYPE_CHECKING:
    from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions
    from onboarding_shared.postgres.database import Database

SUMMARY = "List, show, replay and discard dead letters. Safe while the service works."
MAX_LISTED = 1000
_TOPICS = tuple(topic.name for topic in ALL_TOPICS)

ServedSettings = TypeVar("ServedSettings", bound=ServiceSettings)


def dead_letter_command(
    service: str,
    settings_class: type[ServedSettings],
    build: "Callable[[ServedSettings, Database], DeadLetterActions]",
) -> OperatorCommand:
    """Return the command ``dlq`` of a service; ``build`` makes its actions of the settings of ``serve``."""
    return OperatorCommand("dlq", SUMMARY, add_arguments, partial(_run, service, settings_class, build))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the five actions."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = _action(actions, "list", "Print dead letters, newest first.")
    _add_cause(listing)
    listing.add_argument("--state", choices=tuple(DeadLetterState), help="only those of this state")
    listing.add_argument("--before", type=_id, metavar="ID", default=MAX_ID, help="only those with smaller ids")
    listing.add_argument("--limit", type=_count, metavar="N", default=50, help="how many at most; left out = 50")
    _action(actions, "groups", "Print how many dead letters are kept, by topic and reason.")
    showing = _action(actions, "show", "Print one dead letter with its key, value and headers.")
    showing.add_argument("id", type=_id, metavar="ID")
    for name, summary in (
        ("replay", "Apply dead letters as if they were consumed now."),
        ("discard", "Discard dead letters; their rows stay until they are swept."),
    ):
        acting = _action(actions, name, summary)
        acting.add_argument("id", type=_id, metavar="ID", nargs="?", help="one dead letter")
        _add_cause(acting)
        acting.add_argument("--limit", type=_count, metavar="N", default=MAX_LISTED, help="how many of a group at most")
        acting.add_argument(
            "--user", type=_id, metavar="USER", required=True, help="your user id, which audit events contain"
        )


def _run(
    service: str,
    settings_class: type[ServedSettings],
    build: "Callable[[ServedSettings, Database], DeadLetterActions]",
    arguments: argparse.Namespace,
) -> None:
    """Load the settings and carry out the action. Raises ``SettingsError`` and ``CannotStart``."""
    from onboarding_shared.commands.dead_letter_command import carry_out, check

    check(arguments)
    settings = load_for(settings_class, settings_class)
    carry_out(service, settings, partial(build, settings), arguments)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, summary: str
) -> argparse.ArgumentParser:
    return actions.add_parser(name, help=summary, description=summary)


def _add_cause(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--topic", choices=_TOPICS, metavar="TOPIC", help="the topic of the records")
    parser.add_argument("--reason", metavar="CODE", help="the reason code")


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_ID):
        raise argparse.ArgumentTypeError(f"must be between 1 and {MAX_ID}")
    return int(text)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_LISTED):
        raise argparse.ArgumentTypeError(f"must be between 1 and {MAX_LISTED}")
    return int(text)
