"""The command line of session-api."""

from typing import TYPE_CHECKING

from onboarding_shared.service import run_service
from session_api.settings import SessionApiSettings

if TYPE_CHECKING:
    from onboarding_shared.web.app import HttpApplication

SUMMARY = "HTTP API of the onboarding wizard: sessions, edit lock, task starts behind the concurrency guard."


def wire(settings: SessionApiSettings) -> "HttpApplication":
    """The application to serve; the wiring is imported here because ``migrate`` needs none of it."""
    from session_api.app import build

    return build(settings).app


def main() -> None:
    """See ``run_service`` for commands and exit codes."""
    run_service("session-api", SUMMARY, SessionApiSettings, wire)


if __name__ == "__main__":
    main()
