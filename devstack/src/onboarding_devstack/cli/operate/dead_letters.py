"""The dead letters of each service: by the API of session-api, those of an embedded task-runner by its own command."""

import json
import subprocess
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.client import Client, Pages, Row
from onboarding_devstack.cli.operate.rows import member, name_of, time_of
from onboarding_devstack.cli.token import LARGEST_ID

if TYPE_CHECKING:
    from onboarding_devstack.place import Place

RUNNER = "task-runner"
OVER_HTTP = ("session-api", "evidence-store")
_PATH = "/onboarding/dead-letters"
_ALL_OF_A_COMMAND = 1000

COLUMNS = (
    name_of("dead letter", "service"),
    member("source_topic", "topic"),
    member("reason_code", "reason"),
    member("state"),
    member("replays"),
    time_of("recorded_at", "put aside (UTC)"),
    member("detail"),
)
GROUP_COLUMNS = (
    member("service"),
    member("source_topic", "topic"),
    member("reason_code", "reason"),
    member("count"),
    time_of("oldest_at", "oldest (UTC)"),
    name_of("example", "service", "example_id"),
)


class Cause(NamedTuple):
    """A group of dead letters: those of one service, topic and reason."""

    service: str
    topic: str
    reason: str

    def __str__(self) -> str:
        return f"{self.reason} of {self.topic} at {self.service}"


class Letters(Protocol):
    """The dead letters of a service. Rows begin with its name."""

    def groups(self) -> Iterable[Row]:
        """How many are kept, by topic and reason."""
        ...

    def list_letters(
        self, topic: str | None, reason: str | None, state: str | None, limit: int | None
    ) -> Iterable[Row]:
        """Dead letters, newest first."""
        ...

    def show(self, letter_id: int) -> Row:
        """One with its record."""
        ...

    def act(self, verb: str, letter_id: int) -> Row:
        """Replay or discard one; the outcome."""
        ...

    def act_on_group(self, verb: str, cause: Cause) -> Row:
        """Replay or discard those that a group has now; the sums."""
        ...


def letters_of(client: Client, services: Sequence[str]) -> list[Letters]:
    """The dead letters of these services; of all that can be asked if none is named."""
    if not services:
        services = OVER_HTTP if client.target.place is None else (OVER_HTTP[0], RUNNER, OVER_HTTP[1])
    return [_letters(client, service) for service in dict.fromkeys(services)]


def letter_named(client: Client, text: str) -> tuple[Letters, int]:
    """Read `SERVICE/ID`. Raises ``CommandError`` (usage) for anything else."""
    service, slash, number = text.partition("/")
    known = (*OVER_HTTP, RUNNER)
    is_id = number.isascii() and number.isdigit() and 1 <= int(number) <= LARGEST_ID
    if not slash or service not in known or not is_id:
        message = f"a dead letter is named SERVICE/ID with one of {', '.join(known)}, not {text}"
        raise CommandError(Exit.USAGE, message)
    return _letters(client, service), int(number)


def _letters(client: Client, service: str) -> Letters:
    if service != RUNNER:
        return _OverHttp(client, service)
    if client.target.place is None:
        message = "task-runner has no API: its dead letters have its own command only"
        raise CommandError(Exit.CONFLICT, message, "`task-runner dlq`, with the environment of task-runner")
    return _OfRunner(client.target.place)


class _OverHttp:
    def __init__(self, client: Client, service: str) -> None:
        self._client = client
        self._service = service
        self._query = [("service", service)]

    def groups(self) -> Iterable[Row]:
        return map(self._named, self._client.get(f"{_PATH}/groups", self._query))

    def list_letters(
        self, topic: str | None, reason: str | None, state: str | None, limit: int | None
    ) -> Iterable[Row]:
        given = (("source_topic", topic), ("reason_code", reason), ("state", state))
        query = [*self._query, *((name, value) for name, value in given if value is not None)]
        return Pages(self._client, _PATH, query, limit, self._named)

    def show(self, letter_id: int) -> Row:
        return self._named(self._client.get(f"{_PATH}/{letter_id}", self._query))

    def act(self, verb: str, letter_id: int) -> Row:
        return self._named(self._client.send("POST", f"{_PATH}/{letter_id}/{verb}", query=self._query))

    def act_on_group(self, verb: str, cause: Cause) -> Row:
        body = {"source_topic": cause.topic, "reason_code": cause.reason}
        sums = dict.fromkeys(("replayed", "rejected", "discarded", "skipped"), 0)
        left: int | None = None
        while True:
            done = self._client.send("POST", f"{_PATH}/groups/{verb}", body, self._query)
            sums = {name: count + done[name] for name, count in sums.items()}
            tried = sum(done[name] for name in sums)
            # What is rejected or passed over may stay in the group: no more are tried than it had at first.
            left = (done["remaining"] + tried if left is None else left) - tried
            if not tried or left <= 0:
                return self._named({**body, **sums, "remaining": done["remaining"]})

    def _named(self, row: Row) -> Row:
        return {"service": self._service, **row}


class _OfRunner:
    def __init__(self, place: "Place") -> None:
        self._place = place

    def groups(self) -> Iterable[Row]:
        return self._rows("groups")

    def list_letters(
        self, topic: str | None, reason: str | None, state: str | None, limit: int | None
    ) -> Iterable[Row]:
        chosen = [f"--state={state}"] if state is not None else []
        most = _ALL_OF_A_COMMAND if limit is None else min(limit, _ALL_OF_A_COMMAND)
        return self._rows("list", *_cause_options(topic, reason), *chosen, f"--limit={most}")

    def show(self, letter_id: int) -> Row:
        return self._rows("show", str(letter_id))[0]

    def act(self, verb: str, letter_id: int) -> Row:
        return self._rows(verb, str(letter_id), *self._user())[0]

    def act_on_group(self, verb: str, cause: Cause) -> Row:
        return self._rows(verb, *_cause_options(cause.topic, cause.reason), *self._user())[0]

    def _user(self) -> tuple[str]:
        from onboarding_devstack.tenant_bindings import OPERATOR

        return (f"--user={OPERATOR}",)

    def _rows(self, *arguments: str) -> list[Row]:
        from onboarding_devstack.system import environments, inherited, service_command

        done = subprocess.run(
            [*service_command(RUNNER, "dlq"), *arguments],
            env=inherited() | environments(self._place)[RUNNER],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode != 0:
            message, _, following = done.stderr.replace(f"{RUNNER}: ", "").strip().partition("\nnext: ")
            raise CommandError(Exit.FAILED, message, following or None)
        return [{"service": RUNNER, **json.loads(line)} for line in done.stdout.splitlines()]


def _cause_options(topic: str | None, reason: str | None) -> list[str]:
    return [f"--{name}={value}" for name, value in (("topic", topic), ("reason", reason)) if value is not None]
