"""Replays and discards dead letters, and prints the outcome of each."""

import sys
from collections.abc import Iterator, Sequence

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.asking import confirm
from onboarding_devstack.cli.operate.client import Client, Row
from onboarding_devstack.cli.operate.dead_letters import COLUMNS, Cause, letter_named, letters_of
from onboarding_devstack.cli.operate.rows import Column, member, name_of, show_record, show_rows
from onboarding_devstack.cli.screen import err


def _outcome(row: Row) -> str:
    outcome: str = row.get("outcome") or row["state"]
    return outcome


OUTCOME_COLUMNS = (
    name_of("dead letter", "service"),
    Column("outcome", _outcome),
    member("reason_code", "reason"),
    member("detail"),
)
_REJECTED = "rejected"


def act_on_named(client: Client, verb: str, names: Sequence[str], *, dry_run: bool, as_json: bool) -> Exit:
    """Replay or discard named dead letters, one after the other. ``FAILED`` if one was rejected again."""
    chosen = [letter_named(client, name) for name in dict.fromkeys(names)]
    if dry_run:
        show_rows((letters.show(letter_id) for letters, letter_id in chosen), COLUMNS, as_json=as_json)
        return _told_dry_run(len(chosen), verb)
    outcomes: list[str | None] = []

    def acted() -> Iterator[Row]:
        for letters, letter_id in chosen:
            outcome = letters.act(verb, letter_id)
            outcomes.append(outcome.get("outcome"))
            yield outcome

    show_rows(acted(), OUTCOME_COLUMNS, as_json=as_json)
    return Exit.FAILED if _REJECTED in outcomes else Exit.OK


def act_on_group(client: Client, verb: str, cause: Cause, *, dry_run: bool, yes: bool, as_json: bool) -> Exit:
    """Replay or discard the dead letters that a group has now. ``FAILED`` if one was rejected again."""
    [letters] = letters_of(client, [cause.service])
    if dry_run:
        rows = list(letters.list_letters(cause.topic, cause.reason, "kept", None))
        show_rows(rows, COLUMNS, as_json=as_json)
        return _told_dry_run(len(rows), verb)
    count = sum(
        group["count"]
        for group in letters.groups()
        if (group["source_topic"], group["reason_code"]) == (cause.topic, cause.reason)
    )
    if not count:
        raise CommandError(Exit.FAILED, f"no dead letter is kept for {cause}", "`dlq groups` prints the groups")
    confirm(f"{verb.capitalize()} {count} dead letter{'' if count == 1 else 's'}: {cause}?", yes=yes)
    sums = letters.act_on_group(verb, cause)
    show_record(sums, as_json=as_json or not sys.stdout.isatty())
    return Exit.FAILED if sums[_REJECTED] else Exit.OK


def _told_dry_run(count: int, verb: str) -> Exit:
    err().print(f"Dry run: {count} dead letter{'' if count == 1 else 's'} to {verb}; nothing was changed.")
    return Exit.OK
