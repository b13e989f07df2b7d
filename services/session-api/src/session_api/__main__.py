"""The command line of session-api."""

from typing import TYPE_CHECKING

from onboarding_shared.commands.dead_letters import dead_letter_command
from onboarding_shared.service import run_service
from session_api.commands.bindings import BINDINGS
from session_api.settings import SessionApiSettings

if TYPE_CHECKING:
    from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions
    from onboarding_shared.postgres.database import Database
    from onboarding_shared.web.app import HttpApplication

SUMMARY = "HTTP API of the onboarding wizard: sessions, edit lock, and task starts with a concurrency guard."


def wire(settings: SessionApiSettings) -> "HttpApplication":
    """Return the application to serve. The import is local because ``migrate`` does not need the application."""
    from session_api.app import build

    return build(settings).app


def open_dead_letters(settings: SessionApiSettings, database: "Database") -> "DeadLetterActions":
    """Return what operators do with dead letters. The import is local for the same reason."""
    from session_api.app import dead_letters

    return dead_letters(settings, database)


def main() -> None:
    """Run the command line; ``run_service`` documents commands and exit codes."""
    more = [BINDINGS, dead_letter_command("session-api", SessionApiSettings, open_dead_letters)]
    run_service("session-api", SUMMARY, SessionApiSettings, wire, more)


if __name__ == "__main__":
    main()
