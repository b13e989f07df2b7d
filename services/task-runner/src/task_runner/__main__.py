"""The command line of the task runner: ``task-runner serve`` and ``task-runner migrate``."""

import sys

import cyclopts

from onboarding_shared.messaging.kafka import ensure_topics
from onboarding_shared.postgres.migrate import migrate as migrate_database
from onboarding_shared.runtime.logging import configure_logging
from onboarding_shared.runtime.server import ServeError, run
from onboarding_shared.runtime.server import serve as serve_http
from onboarding_shared.runtime.settings import (
    DatabaseSettings,
    KafkaSettings,
    LogSettings,
    Settings,
    SettingsError,
    load,
)
from task_runner.app import TOPICS, build
from task_runner.settings import TaskRunnerSettings
from task_runner.tasks import DeclarationError

SERVICE = "task-runner"
MIGRATIONS = "task_runner.store.migrations"

app = cyclopts.App(name=SERVICE, help="Runs onboarding tasks. Settings come from the environment.", version_flags=[])


class MigrateSettings(Settings):
    """What the migrate command needs."""

    database: DatabaseSettings
    kafka: KafkaSettings
    log: LogSettings


@app.command
def serve() -> None:
    """Take commands, run tasks, tell results, until SIGTERM or Ctrl-C; then drain and stop."""
    settings = load(TaskRunnerSettings)
    configure_logging(settings.log, service=SERVICE)
    run(_serve(settings))


async def _serve(settings: TaskRunnerSettings) -> None:
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
        app(exit_on_error=False)
    except cyclopts.CycloptsError:
        sys.exit(2)
    except SettingsError as error:
        print("\n".join(error.problems), file=sys.stderr)
        sys.exit(2)
    except (ServeError, DeclarationError) as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
