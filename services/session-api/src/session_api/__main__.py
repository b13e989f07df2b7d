"""The command line of session-api."""

import sys
from importlib.metadata import version
from typing import NoReturn, TypeVar

from cyclopts import App

from onboarding_shared.messaging.kafka import ensure_topics
from onboarding_shared.postgres.migrate import migrate as migrate_database
from onboarding_shared.runtime.logging import configure_logging
from onboarding_shared.runtime.server import ServeError, run
from onboarding_shared.runtime.server import serve as serve_http
from onboarding_shared.runtime.settings import Settings, SettingsError, load
from session_api.app import SERVICE, TOPICS, build
from session_api.settings import MigrateSettings, SessionApiSettings

Loaded = TypeVar("Loaded", bound=Settings)

FAILED, BAD_SETTINGS = 1, 2

cli = App(
    name=SERVICE,
    help="HTTP API of the onboarding wizard: sessions, edit lock, task starts behind the concurrency guard.",
    version=lambda: version("onboarding-session-api"),
)


@cli.command
def serve() -> None:
    """Serve the API until SIGTERM or SIGINT; its settings come from the environment."""
    settings = _load(SessionApiSettings)
    configure_logging(settings.log, service=SERVICE)
    try:
        service = build(settings)
    except SettingsError as error:
        _exit_with_settings(error)

    async def main() -> None:
        await serve_http(service.app, settings.http)

    try:
        run(main())
    except ServeError as error:
        print(f"{SERVICE}: {error}", file=sys.stderr)
        sys.exit(FAILED)


@cli.command
def migrate() -> None:
    """Bring database and topics to the newest shape. Safe to run again, and several times at once."""
    settings = _load(MigrateSettings)
    configure_logging(settings.log, service=SERVICE)
    migrate_database(settings.database.url, "session_api.store.migrations")
    run(ensure_topics(settings.kafka, TOPICS))


def _load(settings_class: type[Loaded]) -> Loaded:
    try:
        return load(settings_class)
    except SettingsError as error:
        _exit_with_settings(error)


def _exit_with_settings(error: SettingsError) -> NoReturn:
    for problem in error.problems:
        print(f"{SERVICE}: {problem}", file=sys.stderr)
    sys.exit(BAD_SETTINGS)


def main() -> None:
    """The entry point of the console script."""
    cli()


if __name__ == "__main__":
    main()
