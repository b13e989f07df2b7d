"""`dlq`: list and show dead letters by cause, replay and discard them."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.operate.asking import DEFAULT_LIMIT, DryRun, Limit, Yes
from onboarding_devstack.cli.operate.deployment import HERE, Deployment

Service = Literal["session-api", "task-runner", "evidence-store"]
Services = Annotated[
    tuple[Service, ...],
    Parameter(
        name="--service", negative="", help="Only of this service; repeat for several. Default: all that can be asked."
    ),
]
Topic = Annotated[str | None, Parameter(name="--topic", help="Only records of this topic.")]
Reason = Annotated[str | None, Parameter(name="--reason", help="Only records that were rejected with this code.")]
OneService = Annotated[Service | None, Parameter(name="--service", help="The service of a group.")]
Chosen = Annotated[tuple[str, ...], Parameter(negative="")]

dlq = App(name="dlq", sort_key=35, help="Dead letters: list them by cause, show, replay and discard them.")


@dlq.command(name="groups")
def list_groups(*, service: Services = (), to: Deployment = HERE) -> Exit:
    """Print how many dead letters are kept, by service, topic and reason."""
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.dead_letters import GROUP_COLUMNS, letters_of
    from onboarding_devstack.cli.operate.rows import show_rows

    with client_of(to) as client:
        rows = (row for letters in letters_of(client, service) for row in letters.groups())
        show_rows(rows, GROUP_COLUMNS, as_json=to.as_json)
    return Exit.OK


@dlq.command(name="list")
def list_letters(
    *,
    service: Services = (),
    topic: Topic = None,
    reason: Reason = None,
    state: Annotated[
        Literal["kept", "replayed", "discarded"] | None, Parameter(help="Only those in this state.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    to: Deployment = HERE,
) -> Exit:
    """Print dead letters of each service, newest first; `--limit` counts for each service."""
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.dead_letters import COLUMNS, letters_of
    from onboarding_devstack.cli.operate.rows import show_rows

    with client_of(to) as client:
        rows = (
            row for letters in letters_of(client, service) for row in letters.list_letters(topic, reason, state, limit)
        )
        show_rows(rows, COLUMNS, as_json=to.as_json)
    return Exit.OK


@dlq.command(name="show")
def show_letter(letter: str, /, *, to: Deployment = HERE) -> Exit:
    """Print one dead letter with key, value and headers of its record.

    Parameters
    ----------
    letter:
        The dead letter as SERVICE/ID, such as session-api/12.
    """
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.dead_letters import letter_named
    from onboarding_devstack.cli.operate.rows import show_record

    with client_of(to) as client:
        letters, letter_id = letter_named(client, letter)
        show_record(letters.show(letter_id), as_json=to.as_json)
    return Exit.OK


@dlq.command(name="replay")
def replay(
    chosen: Chosen = (),
    /,
    *,
    service: OneService = None,
    topic: Topic = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    to: Deployment = HERE,
) -> Exit:
    """Apply dead letters as if they were consumed now: the named ones, or after confirmation those of a group.

    Parameters
    ----------
    chosen:
        Dead letters as SERVICE/ID, such as session-api/12.
    """
    return _act("replay", chosen, (service, topic, reason), dry_run=dry_run, yes=yes, to=to)


@dlq.command(name="discard")
def discard(
    chosen: Chosen = (),
    /,
    *,
    service: OneService = None,
    topic: Topic = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    to: Deployment = HERE,
) -> Exit:
    """Discard dead letters: the named ones, or after confirmation those of a group.

    Parameters
    ----------
    chosen:
        Dead letters as SERVICE/ID, such as session-api/12.
    """
    return _act("discard", chosen, (service, topic, reason), dry_run=dry_run, yes=yes, to=to)


def _act(
    verb: str,
    chosen: tuple[str, ...],
    group: tuple[str | None, str | None, str | None],
    *,
    dry_run: bool,
    yes: bool,
    to: Deployment,
) -> Exit:
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.dead_letter_actions import act_on_group, act_on_named
    from onboarding_devstack.cli.operate.dead_letters import Cause

    service, topic, reason = group
    if chosen and not any(group):
        with client_of(to) as client:
            return act_on_named(client, verb, chosen, dry_run=dry_run, as_json=to.as_json)
    if chosen or service is None or topic is None or reason is None:
        message = "name dead letters as SERVICE/ID, or a group by --service, --topic and --reason"
        raise CommandError(Exit.USAGE, message, "`dlq groups` prints the groups")
    with client_of(to) as client:
        cause = Cause(service, topic, reason)
        return act_on_group(client, verb, cause, dry_run=dry_run, yes=yes, as_json=to.as_json)
