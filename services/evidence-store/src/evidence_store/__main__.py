"""The command line of the evidence store: ``evidence-store serve`` and ``evidence-store migrate``."""

import sys

import cyclopts

from evidence_store.app import TOPICS, build
from evidence_store.settings import EvidenceStoreSettings, MigrateSettings
from onboarding_shared.messaging.kafka import ensure_topics
from onboarding_shared.postgres.migrate import migrate as migrate_database
from onboarding_shared.runtime.logging import configure_logging
from onboarding_shared.runtime.server import ServeError, run
from onboarding_shared.runtime.server import serve as serve_http
from onboarding_shared.runtime.settings import SettingsError, load

SERVICE = "evidence-store"
MIGRATIONS = "evidence_store.store.migrations"

app = cyclopts.App(
    name=SERVICE, help="Keeps what onboarding runs found. Settings come from the environment.", version_flags=[]
)


@app.command
def serve() -> None:
    """Keep results and answer readers until SIGTERM or Ctrl-C; then drain and stop."""
    settings = load(EvidenceStoreSettings)
    configure_logging(settings.log, service=SERVICE)
    run(_serve(settings))


async def _serve(settings: EvidenceStoreSettings) -> None:
    await serve_http(build(settings).http, settings.http)


@app.command
def migrate() -> None:
    """Bring the database to the newest schema and create missing topics. Safe to run again, and concurrently."""
    settings = load(MigrateSettings)
    configure_logging(settings.log, service=SERVICE)
    migrate_database(settings.database.url, MIGRATIONS)
    run(ensure_topics(settings.kafka, TOPICS))


def main() -> None:
    """Exits 0 when all went well, 1 when the work failed, 2 when the command line or a setting is wrong."""
    try:
        app()
    except SettingsError as error:
        print("\n".join(error.problems), file=sys.stderr)
        sys.exit(2)
    except ServeError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
