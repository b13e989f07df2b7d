"""The command line that every service has: ``serve`` and ``migrate``, settings from the environment, exit codes.

What one command needs and the other does not is imported in its function: a process that migrates starts in half the
time of one that serves.
"""

import argparse
import contextlib
import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from onboarding_shared.process.settings import MigrateSettings, ServiceSettings, SettingsError, TracingSettings, load
from onboarding_shared.telemetry.logging import configure_logging

if TYPE_CHECKING:
    from onboarding_shared.web.app import HttpApplication

FAILED, USAGE = 1, 2
COMMANDS = {
    "serve": "Work until SIGTERM or Ctrl-C; then drain and stop.",
    "migrate": "Bring the database to the newest schema and create missing topics. Safe to repeat, and concurrently.",
}
_YOUNG_OBJECTS = 5_000
"""A collection begins after so many new containers, in place of CPython's 700."""

ServedSettings = TypeVar("ServedSettings", bound=ServiceSettings)


class CannotStart(Exception):
    """The service cannot start; the text says why and what to change."""


def run_service(
    name: str, summary: str, settings_class: type[ServedSettings], build: "Callable[[ServedSettings], HttpApplication]"
) -> None:
    """Run the command line of the service ``name``, whose package keeps its migrations in ``store/migrations``.

    ``build`` wires the service. Exits 0 when all went well, 1 when the work failed, 2 when the command line or a
    setting is wrong.
    """
    command = _command(name, summary)
    try:
        if command == "serve":
            settings = load(settings_class)
            # FastStream puts handlers of its own on its logger when it is imported; ours replace them afterwards.
            importlib.import_module("onboarding_shared.messaging.consumer")
            configure_logging(settings.log, service=name)
            with _traces(name, settings.tracing):
                _serve(settings, build)
        else:
            _migrate(name, load(MigrateSettings))
    except (SettingsError, CannotStart) as error:
        for line in str(error).splitlines():
            print(f"{name}: {line}", file=sys.stderr)
        sys.exit(USAGE if isinstance(error, SettingsError) else FAILED)


def _command(name: str, summary: str) -> str:
    """The command of the command line. Exits 0 after the help or the version, 2 when the command line is wrong."""
    parser = argparse.ArgumentParser(prog=name, description=summary)
    parser.add_argument("--version", action="version", version=version(f"onboarding-{name}"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command, summary_of_command in COMMANDS.items():
        commands.add_parser(command, help=summary_of_command, description=summary_of_command)
    chosen: str | None = parser.parse_args().command
    if chosen is None:
        parser.print_help()
        sys.exit(0)
    return chosen


@contextlib.contextmanager
def _traces(name: str, settings: TracingSettings) -> Iterator[None]:
    """Record spans while the service runs, where the settings say so."""
    if settings.url is None:
        yield
        return
    from onboarding_shared.telemetry.trace_export import open_recorder
    from onboarding_shared.telemetry.tracing import record_with

    recorder = open_recorder(settings, service=name, version=version(f"onboarding-{name}"))
    record_with(recorder)
    try:
        yield
    finally:
        record_with(None)
        recorder.close()


def _serve(settings: ServedSettings, build: "Callable[[ServedSettings], HttpApplication]") -> None:
    from onboarding_shared.web.server import ServeError, run, serve

    async def work() -> None:
        application = build(settings)
        _leave_out_of_collections()
        await serve(application, settings.http)

    try:
        run(work())
    except ServeError as error:
        raise CannotStart(str(error)) from error


def _leave_out_of_collections() -> None:
    """What was imported and built stays to the end: looking through it again and again cost a tenth of the CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _migrate(name: str, settings: MigrateSettings) -> None:
    configure_logging(settings.log, service=name)
    from onboarding_shared.contracts.topics import spoken_by
    from onboarding_shared.messaging.kafka import ensure_topics
    from onboarding_shared.postgres.migrate import migrate
    from onboarding_shared.web.server import run

    migrate(settings.database.url, f"{name.replace('-', '_')}.store.migrations")
    run(ensure_topics(settings.kafka, spoken_by(name)))
