"""The actions of ``SERVICE dlq``, with the transactions and audit events of the API."""

import argparse
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from onboarding_shared.commands.rows import print_rows
from onboarding_shared.contracts.audit import DEAD_LETTERS_AT_ONCE
from onboarding_shared.contracts.dead_letters import DeadLetterState
from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions, GroupOutcome
from onboarding_shared.messaging.dead_letter_bodies import content_body
from onboarding_shared.messaging.dead_letter_replay import AlreadyHandled, NoSuchLetter, NotReplayable
from onboarding_shared.messaging.dead_letter_rows import LetterFilter, StoredLetter
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DATABASE_ERRORS, unreachable
from onboarding_shared.process.service_settings import MigrateSettings
from onboarding_shared.service import CannotStart
from onboarding_shared.telemetry.logging import configure_logging
from onboarding_shared.web.server import run

_ACTING = ("replay", "discard")


def check(arguments: argparse.Namespace) -> None:
    """Raise ``CannotStart`` unless an action that changes something names one dead letter, or one group."""
    if arguments.action not in _ACTING:
        return
    named = arguments.id is not None
    cause = (arguments.topic is not None, arguments.reason is not None)
    if named == any(cause) or any(cause) != all(cause):
        raise CannotStart(
            f"{arguments.action} needs the ID of one dead letter, or --topic and --reason of a group"
            "\nnext: `dlq groups` prints the groups"
        )


def carry_out(
    service: str,
    settings: MigrateSettings,
    build: Callable[[Database], DeadLetterActions],
    arguments: argparse.Namespace,
) -> None:
    """Carry out one action. The log has errors only, because stdout is for rows. Raises ``CannotStart``."""
    configure_logging(settings.log.model_copy(update={"level": "ERROR"}), service=service)
    database = Database(settings.database.url, application_name=f"{service}-dlq")
    command = DeadLetterCommand(build(database), arguments)
    action = {
        "list": command.list_letters,
        "groups": command.list_groups,
        "show": command.show,
        "replay": command.replay,
        "discard": command.discard,
    }[arguments.action]

    async def work() -> None:
        try:
            await action()
        except DATABASE_ERRORS as error:
            cause = unreachable(error.__cause__ or error) or str(error).partition("\n")[0]
            next_step = f"check DATABASE_URL and that `{service} migrate` has run; then repeat this command"
            raise CannotStart(f"the database cannot be used: {cause}\nnext: {next_step}") from error
        finally:
            await database.close()

    run(work())


class DeadLetterCommand:
    """The actions on one database."""

    def __init__(self, actions: DeadLetterActions, arguments: argparse.Namespace) -> None:
        self._actions = actions
        self._arguments = arguments

    async def list_letters(self) -> None:
        """Print dead letters."""
        given = self._arguments
        state = None if given.state is None else DeadLetterState(given.state)
        wanted = LetterFilter(source_topic=given.topic, reason_code=given.reason, state=state)
        letters = await self._actions.list_letters(wanted, before=given.before, limit=given.limit)
        print_rows([letter_row(letter) for letter in letters])

    async def list_groups(self) -> None:
        """Print the groups."""
        groups = await self._actions.list_groups()
        print_rows([_plain(msgspec.structs.asdict(group)) for group in groups])

    async def show(self) -> None:
        """Print one dead letter with its content."""
        found = await self._actions.find(self._arguments.id)
        if found is None:
            raise _unknown(self._arguments.id)
        letter, content = found
        print_rows([{**letter_row(letter), **msgspec.to_builtins(content_body(content))}])

    async def replay(self) -> None:
        """Replay one dead letter or a group, and print the outcome."""
        given = self._arguments
        if given.id is None:
            await self._whole_group(self._actions.replay_group)
            return
        answer = await self._actions.replay(given.id, given.user)
        if isinstance(answer, NoSuchLetter):
            raise _unknown(given.id)
        if isinstance(answer, AlreadyHandled):
            raise _handled(given.id, answer)
        if isinstance(answer, NotReplayable):
            raise CannotStart(
                f"dead letter {given.id} cannot be replayed: {answer.obstacle.sentence}\nnext: discard it"
            )
        print_rows([{"id": given.id, **_plain(msgspec.structs.asdict(answer))}])

    async def discard(self) -> None:
        """Discard one dead letter or a group, and print the outcome."""
        given = self._arguments
        if given.id is None:
            await self._whole_group(self._actions.discard_group)
            return
        refused = await self._actions.discard(given.id, given.user)
        if isinstance(refused, NoSuchLetter):
            raise _unknown(given.id)
        if isinstance(refused, AlreadyHandled):
            raise _handled(given.id, refused)
        print_rows([{"id": given.id, "outcome": DeadLetterState.DISCARDED.value}])

    async def _whole_group(self, act: Callable[..., Any]) -> None:
        """Act on as many dead letters as the group has, up to the limit, and print the sums."""
        given, left, remaining = self._arguments, self._arguments.limit, None
        sums = {"replayed": 0, "rejected": 0, "discarded": 0, "skipped": 0}
        while left > 0:
            done: GroupOutcome = await act(given.topic, given.reason, given.user, limit=min(left, DEAD_LETTERS_AT_ONCE))
            counts = {name: getattr(done, name) for name in sums}
            sums = {name: count + counts[name] for name, count in sums.items()}
            if remaining is None:  # the group as it is now: what is rejected or passed over is not tried twice
                left = min(left, done.remaining + sum(counts.values()))
            remaining = done.remaining
            left -= sum(counts.values())
            if not sum(counts.values()):
                break
        print_rows([{"source_topic": given.topic, "reason_code": given.reason, **sums, "remaining": remaining}])


def letter_row(letter: StoredLetter) -> dict[str, Any]:
    """The members of a dead letter that are printed."""
    obstacle = letter.obstacle
    row = {**msgspec.structs.asdict(letter), "replayable": obstacle is None}
    row["obstacle"] = None if obstacle is None else obstacle.value
    return _plain(row)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat(timespec="seconds").replace("+00:00", "Z") if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _unknown(letter_id: int) -> CannotStart:
    return CannotStart(f"there is no dead letter {letter_id}\nnext: `dlq list` prints those that there are")


def _handled(letter_id: int, handled: AlreadyHandled) -> CannotStart:
    return CannotStart(
        f"dead letter {letter_id} is {handled.state.value} already\nnext: `dlq list --state kept` prints the others"
    )
