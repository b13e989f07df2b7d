"""The actions of operators on the dead letters of a service: list, show, replay and discard them, one or a group."""

from collections.abc import Mapping
from functools import partial

import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.audit import DEAD_LETTER_EVENTS, DEAD_LETTERS_AT_ONCE, DeadLetterDiscard
from onboarding_shared.contracts.dead_letters import DeadLetterState, ReplayOutcome
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.topics import Topic
from onboarding_shared.contracts.types import PLATFORM_TENANT
from onboarding_shared.messaging import dead_letter_rows
from onboarding_shared.messaging.dead_letter_replay import (
    AlreadyHandled,
    NoSuchLetter,
    NotReplayable,
    Replayed,
    ReplayRefusal,
    Replays,
)
from onboarding_shared.messaging.dead_letter_rows import (
    Discarded,
    LetterContent,
    LetterFilter,
    LetterGroup,
    StoredLetter,
)
from onboarding_shared.messaging.inbox import Apply
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database, after_commit

_log = structlog.get_logger(__name__)


class GroupOutcome(Struct, frozen=True, kw_only=True):
    """The numbers of dead letters that were replayed, rejected again, discarded, passed over, and are still kept."""

    replayed: int = 0
    rejected: int = 0
    discarded: int = 0
    skipped: int = 0
    remaining: int = 0


class DeadLetterActions:
    """The dead letters of one service. Each action is recorded with the user, by the clock of the database."""

    def __init__(
        self, database: Database, outbox: Outbox, replays: Replays, *, discard_event: type[DeadLetterDiscard]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._replays = replays
        self._discard_event = discard_event

    async def list_letters(self, wanted: LetterFilter, *, before: int, limit: int) -> list[StoredLetter]:
        """Up to ``limit`` dead letters with ids less than ``before``, newest first."""
        return await self._database.run_single(
            lambda tx: dead_letter_rows.list_letters(tx, wanted, before=before, limit=limit)
        )

    async def list_groups(self) -> list[LetterGroup]:
        """The kept dead letters by topic and reason, the largest group first."""
        return await self._database.run_single(dead_letter_rows.list_groups)

    async def find(self, letter_id: int) -> tuple[StoredLetter, LetterContent] | None:
        """One dead letter with its content."""
        return await self._database.run_single(lambda tx: dead_letter_rows.find_letter(tx, letter_id))

    async def replay(self, letter_id: int, user_id: int) -> Replayed | ReplayRefusal:
        """Replay one dead letter; one that was replayed before is a repeat."""
        return await self._replays.replay(letter_id, user_id)

    async def discard(self, letter_id: int, user_id: int) -> NoSuchLetter | AlreadyHandled | None:
        """Discard one dead letter. The row is kept until it is swept. Discarding it again changes nothing."""

        async def work(tx: AsyncConnection) -> NoSuchLetter | AlreadyHandled | None:
            discarded = await dead_letter_rows.discard_letter(tx, letter_id, user_id)
            if discarded is not None:
                await self._announce(tx, discarded, user_id)
                return None
            found = await dead_letter_rows.find_letter(tx, letter_id)
            if found is None:
                return NoSuchLetter()
            state = found[0].state
            return None if state is DeadLetterState.DISCARDED else AlreadyHandled(state)

        return await self._database.run(work)

    async def discard_group(
        self, source_topic: str, reason_code: str, user_id: int, *, limit: int = DEAD_LETTERS_AT_ONCE
    ) -> GroupOutcome:
        """Discard the oldest dead letters of a group, at most ``DEAD_LETTERS_AT_ONCE``, in one transaction."""
        limit = min(limit, DEAD_LETTERS_AT_ONCE)

        async def work(tx: AsyncConnection) -> GroupOutcome:
            discarded = await dead_letter_rows.discard_group(tx, source_topic, reason_code, user_id, limit=limit)
            remaining = await dead_letter_rows.count_kept(tx, source_topic, reason_code)
            if discarded is None:
                return GroupOutcome(remaining=remaining)
            await self._announce(tx, discarded, user_id)
            return GroupOutcome(discarded=len(discarded.ids), remaining=remaining)

        return await self._database.run(work)

    async def replay_group(
        self, source_topic: str, reason_code: str, user_id: int, *, limit: int = DEAD_LETTERS_AT_ONCE
    ) -> GroupOutcome:
        """Replay dead letters of a group in their order, untried ones first, at most ``DEAD_LETTERS_AT_ONCE``.

        Each has a transaction of its own, so that one that fails harms no other.
        """
        limit = min(limit, DEAD_LETTERS_AT_ONCE)
        ids = await self._database.run_single(
            lambda tx: dead_letter_rows.next_to_replay(tx, source_topic, reason_code, limit=limit)
        )
        answers = [await self._replay_of_group(letter_id, user_id) for letter_id in ids]
        rejected = answers.count(ReplayOutcome.REJECTED)
        skipped = answers.count(None)
        remaining = await self._database.run_single(
            lambda tx: dead_letter_rows.count_kept(tx, source_topic, reason_code)
        )
        replayed = len(ids) - rejected - skipped
        return GroupOutcome(replayed=replayed, rejected=rejected, skipped=skipped, remaining=remaining)

    async def _replay_of_group(self, letter_id: int, user_id: int) -> ReplayOutcome | None:
        """The outcome for one dead letter; None if it was passed over."""
        answer = await self._replays.replay(letter_id, user_id)
        if isinstance(answer, Replayed):
            return answer.outcome
        if isinstance(answer, NotReplayable):
            await self._database.run_single(lambda tx: dead_letter_rows.pass_over(tx, letter_id, user_id))
        return None

    async def _announce(self, tx: AsyncConnection, discarded: Discarded, user_id: int) -> None:
        event = self._discard_event(
            tenant_id=PLATFORM_TENANT,
            by_user_id=user_id,
            occurred_at=discarded.at,
            source_topic=discarded.source_topic,
            reason_code=discarded.reason_code,
            dead_letter_ids=discarded.ids,
        )
        await self._outbox.append(tx, [event])
        after_commit(tx, partial(_report, discarded, user_id))


def dead_letter_actions(
    service: str,
    database: Database,
    outbox: Outbox,
    *,
    group: str,
    applies: Mapping[Topic, Apply],
    window: int,
    run_keys: RunKeys | None,
) -> DeadLetterActions:
    """Return the actions on the dead letters of a service, which replay with what its consumer has."""
    events = DEAD_LETTER_EVENTS[service]
    replays = Replays(
        database, outbox, group=group, applies=applies, window=window, run_keys=run_keys, event=events.replayed
    )
    return DeadLetterActions(database, outbox, replays, discard_event=events.discarded)


def _report(discarded: Discarded, user_id: int) -> None:
    _log.warning("dead_letters_discarded", topic=discarded.source_topic, reason_code=discarded.reason_code,
                 count=len(discarded.ids), user_id=user_id)  # fmt: skip
