"""`events tail`: prints the events of a broker as they come."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import Data, Json, KafkaAddress
from onboarding_devstack.cli.token import check_id

if TYPE_CHECKING:
    from onboarding_devstack.event_log import EventReader
    from onboarding_shared.process.message_settings import KafkaSettings

POLL_SECONDS = 1.0


def tail(
    *,
    tenant: Annotated[int | None, Parameter(help="Only events of this tenant.")] = None,
    event_type: Annotated[
        tuple[str, ...],
        Parameter(
            name="--type", negative="", help="Only events of this type, such as RunFinished; repeat for several."
        ),
    ] = (),
    begin: Annotated[
        Literal["now", "start"], Parameter(name="--from", help="Begin with the next event, or with the first one kept.")
    ] = "now",
    count: Annotated[PositiveInt | None, Parameter(help="End after this number of events.")] = None,
    as_json: Json = False,
    kafka: KafkaAddress = None,
    data: Data = None,
) -> Exit:
    """Print events as they come: a line each on a terminal, CloudEvents as JSON lines in a pipe. Ctrl-C ends it.

    No consumer group is used, so no reader takes an event from another one.
    """
    from onboarding_devstack.cli.screen import err, quiet_libraries
    from onboarding_devstack.event_log import TOPICS, BrokerUnreachable, EventReader, full_type

    if tenant is not None:
        check_id("--tenant", tenant)
    _check_types(event_type)
    settings = _settings(kafka, data)
    quiet_libraries()
    shown = _Shown([full_type(name) for name in event_type], tenant, count, as_json=as_json or not sys.stdout.isatty())

    async def follow() -> None:
        place = f"{len(TOPICS)} topics at {settings.bootstrap_servers}"
        err().print(f"reading {place} from {begin}; Ctrl-C ends", markup=False)
        reader = EventReader(
            settings, from_start=begin == "start", report=lambda sentence: err().print(sentence, markup=False)
        )
        async with reader:
            await shown.follow(reader)

    try:
        asyncio.run(follow())
    except BrokerUnreachable as error:
        message = f"no Kafka broker answers at {settings.bootstrap_servers}: {error}"
        raise CommandError(Exit.UNREACHABLE, message, None if kafka else ours("status")) from None
    return Exit.OK


class _Shown:
    """Prints the events that are wanted, until it has printed as many as were asked for."""

    def __init__(self, types: list[str], tenant: int | None, count: int | None, *, as_json: bool) -> None:
        self._types = types
        self._tenant = tenant
        self._left = count
        self._as_json = as_json

    async def follow(self, reader: "EventReader") -> None:
        from onboarding_devstack.cli.event_lines import HEADINGS, event_line
        from onboarding_devstack.cli.screen import out
        from onboarding_devstack.event_log import matches

        screen = out()
        if not self._as_json:
            screen.print(HEADINGS, style="quiet", no_wrap=True, overflow="ellipsis", crop=True)
        while self._left != 0:
            for event in await reader.read(POLL_SECONDS):
                if self._left == 0 or not matches(event, self._types, self._tenant):
                    continue
                if self._as_json:
                    print(json.dumps(event), flush=True)
                else:
                    screen.print(event_line(event), no_wrap=True, overflow="ellipsis", crop=True)
                self._left = None if self._left is None else self._left - 1


def _check_types(names: tuple[str, ...]) -> None:
    """A misspelt type would be waited for without end. A whole CloudEvents type may be one that is added later."""
    from onboarding_devstack.event_log import KNOWN_TYPES

    if unknown := [name for name in names if "." not in name and name not in KNOWN_TYPES]:
        raise CommandError(
            Exit.USAGE, f"unknown type of events: {', '.join(unknown)}; choose from {', '.join(KNOWN_TYPES)}"
        )


def _settings(kafka: str | None, data: Data) -> "KafkaSettings":
    """The connection to the broker. That of an embedded system never has a login."""
    from pydantic import ValidationError

    from onboarding_devstack.cli.located import must_run
    from onboarding_devstack.system import addresses
    from onboarding_shared.process.message_settings import KafkaSettings
    from onboarding_shared.process.settings import SettingsError

    if kafka is None:
        broker = addresses(must_run(data).place)["broker"]
        return KafkaSettings(bootstrap_servers=broker, security_protocol="PLAINTEXT")
    try:
        return KafkaSettings(bootstrap_servers=kafka)
    except SettingsError as error:
        raise CommandError(Exit.USAGE, "; ".join(error.problems)) from None
    except ValidationError as error:
        problems = [
            ": ".join([*map(str, problem["loc"]), problem["msg"].removeprefix("Value error, ")])
            for problem in error.errors(include_input=False)
        ]
        raise CommandError(Exit.USAGE, "; ".join(problems)) from None
