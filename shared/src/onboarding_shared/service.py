"""The command line of every service: ``serve`` and ``migrate``, settings from the environment, exit codes.

Each command imports its own modules, which halves the start time of ``migrate``.
"""

import argparse
import contextlib
import gc
import getpass
import importlib
import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from onboarding_shared.contracts.types import made_visible
from onboarding_shared.process.service_settings import MigrateSettings, RepairSettings, ServiceSettings, TracingSettings
from onboarding_shared.process.settings import SettingsError, load_for
from onboarding_shared.telemetry.logging import change_level_on_signals, configure_logging

if TYPE_CHECKING:
    from onboarding_shared.web.app import HttpApplication

FAILED, USAGE = 1, 2
COMMANDS = {
    "serve": "Work until SIGTERM or Ctrl-C; then drain and stop.",
    "migrate": "Bring the database to the newest schema and create missing topics. Safe to repeat, and concurrently.",
    "inbox": "Repair the last applied sequences of a tenant. Safe while the service works.",
}
_YOUNG_OBJECTS = 5_000
"""Threshold of the first garbage collector generation; CPython's default is 700."""

ServedSettings = TypeVar("ServedSettings", bound=ServiceSettings)


class CannotStart(Exception):
    """The service cannot start, or its command cannot be carried out; the message has the cause and the remedy."""


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """A further command of one service. ``run`` loads its own settings; it raises ``CannotStart`` when it fails."""

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


def run_service(
    name: str,
    summary: str,
    settings_class: type[ServedSettings],
    build: "Callable[[ServedSettings], HttpApplication]",
    more: Sequence[OperatorCommand] = (),
) -> None:
    """Run the command line of the service ``name``, whose migrations are in ``store/migrations`` of its package.

    ``build`` creates the application; ``more`` are commands that only this service has. Exits with 0 on success, 1 on
    failure, 2 if the command line or a setting is invalid.
    """
    arguments = _arguments(name, summary, more)
    own = {command.name: command for command in more}.get(arguments.command)
    try:
        if own is not None:
            own.run(arguments)
        elif arguments.command == "serve":
            settings = load_for(settings_class, settings_class)
            _refuse_root(settings)
            # FastStream adds handlers to its logger at import; configure_logging replaces them afterwards.
            importlib.import_module("onboarding_shared.messaging.consumer")
            configure_logging(settings.log, service=name)
            with recorded_traces(name, settings.tracing):
                _serve(settings, build)
        elif arguments.command == "inbox":
            _repair_inbox(name, load_for(RepairSettings, settings_class), arguments.tenant, dry_run=arguments.dry_run)
        else:
            _migrate(name, load_for(MigrateSettings, settings_class))
    except (SettingsError, CannotStart) as error:
        for line in str(error).splitlines():
            print(f"{name}: {line}", file=sys.stderr)
        sys.exit(USAGE if isinstance(error, SettingsError) else FAILED)


def _arguments(name: str, summary: str, more: Sequence[OperatorCommand]) -> argparse.Namespace:
    """Parse the command line. Exits with 0 after help or version, with 2 if the command line is invalid."""
    parser = argparse.ArgumentParser(prog=name, description=summary)
    parser.add_argument("--version", action="version", version=version(f"onboarding-{name}"))
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for command, summary_of_command in COMMANDS.items():
        subparser = commands.add_parser(command, help=summary_of_command, description=summary_of_command)
        if command == "inbox":
            subparser.add_argument("action", choices=["repair"])
            subparser.add_argument("--tenant", type=int, required=True, help="tenant id; 0 = the platform")
            subparser.add_argument("--dry-run", action="store_true", help="only print what would be done")
    for own in more:
        own.add_arguments(commands.add_parser(own.name, help=own.summary, description=own.summary))
    arguments = parser.parse_args()
    if arguments.command is None:
        parser.print_help()
        sys.exit(0)
    return arguments


def _refuse_root(settings: ServiceSettings) -> None:
    """Raise ``CannotStart`` for the user who may read and write everything, unless a setting allows it."""
    if not settings.allow_root and hasattr(os, "geteuid") and os.geteuid() == 0:
        raise CannotStart("serve does not run as root: start it as another user, or set ONBOARDING_ALLOW_ROOT=true")


@contextlib.contextmanager
def recorded_traces(name: str, settings: TracingSettings) -> Iterator[None]:
    """Record spans while the service runs, if tracing is enabled."""
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
    from onboarding_shared.process.watchdog import ends_when_hanging
    from onboarding_shared.web.server import ServeError, run, serve

    async def work() -> None:
        change_level_on_signals()
        application = build(settings)
        _freeze_garbage_collector()
        async with ends_when_hanging():
            await serve(application, settings.http)

    try:
        run(work())
    except ServeError as error:
        raise CannotStart(str(error)) from error


def _freeze_garbage_collector() -> None:
    """Exclude imported modules and built objects from garbage collection, which took a tenth of the CPU time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, *gc.get_threshold()[1:])


def _migrate(name: str, settings: MigrateSettings) -> None:
    configure_logging(settings.log, service=name)
    from aiokafka.errors import KafkaError

    from onboarding_shared.contracts.topics import published_by
    from onboarding_shared.messaging.kafka import ensure_topics
    from onboarding_shared.postgres.faults import unreachable
    from onboarding_shared.postgres.migrate import migrate
    from onboarding_shared.web.server import run

    try:
        migrate(settings.database.url, f"{name.replace('-', '_')}.store.migrations")
    except Exception as error:
        if (reason := unreachable(error)) is None:
            raise
        raise CannotStart(f"the database was not migrated: {reason}") from error
    try:
        run(ensure_topics(settings.kafka, published_by(name)))
    except (OSError, TimeoutError, KafkaError) as error:
        raise CannotStart(f"the topics were not created: {str(error) or type(error).__name__}") from error


def _repair_inbox(name: str, settings: RepairSettings, tenant_id: int, *, dry_run: bool) -> None:
    """Print the marks. The log of this command has warnings at least, because stdout is for the marks."""
    configure_logging(settings.log.model_copy(update={"level": "WARNING"}), service=name)
    from onboarding_shared.contracts.audit import INBOX_REPAIRS
    from onboarding_shared.messaging.inbox_repair import Audit, repair
    from onboarding_shared.postgres.database import Database
    from onboarding_shared.web.server import run

    consumers = importlib.import_module(f"{name.replace('-', '_')}.consumers")

    async def work() -> None:
        database = Database(settings.database.url, application_name=f"{name}-inbox")
        topics = [topic.name for topic in consumers.TOPICS]
        audit = None if dry_run else Audit(INBOX_REPAIRS[name], _operator())
        try:
            repairs = await repair(
                settings.kafka,
                database,
                topics,
                group=consumers.GROUP,
                tenant_id=tenant_id,
                audit=audit,
                run_keys=settings.run_keys.keys,
                command_keys=settings.command_keys.keys,
            )
        except Exception as error:
            raise CannotStart(f"the inbox was not repaired: {error}") from error
        finally:
            await database.close()
        for topic, before, after in repairs:
            print(f"{topic}: {before}, in order" if before == after else f"{topic}: {before} -> {after}")

    run(work())


def _operator() -> str:
    """The user and the host of this command, as they are known to the system."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = f"uid {os.getuid()}"
    return made_visible(f"{user}@{socket.gethostname()}")[:200]
