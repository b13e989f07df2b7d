"""The command line of session-api."""

from typing import TYPE_CHECKING

from onboarding_shared.service import run_service
from session_api.commands.bindings import BINDINGS
from session_api.settings import SessionApiSettings

if TYPE_CHECKING:
    from onboarding_shared.web.app import HttpApplication

SUMMARY = "HTTP API of the onboarding wizard: sessions, edit lock, and task starts with a concurrency guard."


def wire(settings: SessionApiSettings) -> "HttpApplication":
    """Return the application to serve. The import is local because ``migrate`` does not need the application."""
    from session_api.app import build

    return build(settings).app


def main() -> None:
    """Run the command line; ``run_service`` documents commands and exit codes."""
    run_service("session-api", SUMMARY, SessionApiSettings, wire, [BINDINGS])


if __name__ == "__main__":
    main()
