"""Replays a stored record through the decoder, the sequence rules and the handler of consumed records."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.audit import DeadLetterReplay
from onboarding_shared.contracts.cloudevents import Received, Undecodable, decode
from onboarding_shared.contracts.dead_letters import DeadLetterState, ReplayOutcome
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.topics import SNAPSHOTS, Topic
from onboarding_shared.contracts.types import PLATFORM_TENANT
from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.dead_letter_rows import LetterContent, StoredLetter, act, lock_letter
from onboarding_shared.messaging.dead_letter_rules import Obstacle
from onboarding_shared.messaging.dead_letters import storable
from onboarding_shared.messaging.inbox import Apply
from onboarding_shared.messaging.inbox_admission import admit
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.spans import processing
from onboarding_shared.postgres.database import Database, after_commit
from onboarding_shared.postgres.faults import DatabaseUnavailable

_log = structlog.get_logger(__name__)


class Replayed(Struct, frozen=True):
    """The outcome of a replay. If the record was rejected again, with the reason."""

    outcome: ReplayOutcome
    reason_code: str | None = None
    detail: str | None = None


class NoSuchLetter(Struct, frozen=True):
    """There is no dead letter with this id, or it was removed."""


class AlreadyHandled(Struct, frozen=True):
    """The dead letter is kept no longer."""

    state: DeadLetterState


class NotReplayable(Struct, frozen=True):
    """The record is not stored as it was."""

    obstacle: Obstacle


ReplayRefusal = NoSuchLetter | AlreadyHandled | NotReplayable
_REPEAT = Replayed(ReplayOutcome.REPEAT)


class Replays:
    """Replays dead letters, each in one transaction with its state and its audit event."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        group: str,
        applies: Mapping[Topic, Apply],
        window: int,
        run_keys: RunKeys | None,
        event: type[DeadLetterReplay],
    ) -> None:
        """All but ``event`` is what the consumer of the service has."""
        self._database = database
        self._outbox = outbox
        self._group = group
        self._applies = {topic.name: apply for topic, apply in applies.items()}
        self._window = window
        self._run_keys = run_keys
        self._event = event

    async def replay(self, letter_id: int, user_id: int) -> Replayed | ReplayRefusal:
        """Replay one dead letter. Of several operators at once one replays it. Raises ``DatabaseUnavailable``."""
        try:
            return await self._database.run(lambda tx: self._replay(tx, letter_id, user_id))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            failed = Replayed(ReplayOutcome.REJECTED, "APPLY_FAILED", storable(f"{type(error).__name__}: {error}"))
            return await self._database.run(lambda tx: self._reject(tx, letter_id, user_id, failed))

    async def _replay(self, tx: AsyncConnection, letter_id: int, user_id: int) -> Replayed | ReplayRefusal:
        found = await lock_letter(tx, letter_id)
        if found is None:
            return NoSuchLetter()
        letter, content = found
        if (answer := _answer_without_replay(letter)) is not None:
            return answer
        replayed = await self._apply(tx, letter, content)
        await self._act(tx, letter, user_id, replayed)
        return replayed

    async def _reject(
        self, tx: AsyncConnection, letter_id: int, user_id: int, failed: Replayed
    ) -> Replayed | ReplayRefusal:
        """Store the reason, unless somebody else has handled the dead letter meanwhile."""
        found = await lock_letter(tx, letter_id)
        if found is None:
            return NoSuchLetter()
        letter, _ = found
        if (answer := _answer_without_replay(letter)) is not None:
            return answer
        await self._act(tx, letter, user_id, failed)
        return failed

    async def _apply(self, tx: AsyncConnection, letter: StoredLetter, content: LetterContent) -> Replayed:
        """Apply the message, also one whose number was passed meanwhile: its rejection had used the number up."""
        try:
            message = decode(letter.source_topic, content.key, content.value, content.headers, self._run_keys)
        except Undecodable as error:
            return Replayed(ReplayOutcome.REJECTED, error.code, storable(error.detail))
        apply = self._applies.get(letter.source_topic)
        if apply is None or not isinstance(message, Received):
            return Replayed(ReplayOutcome.REJECTED, "TYPE_UNKNOWN", "This version does not know the type.")
        parts = await admit(tx, [message], self._window)
        if parts.jumps:
            detail = f"ce_sequence is {message.sequence}; too many before it are missing."
            return Replayed(ReplayOutcome.REJECTED, "SEQUENCE_JUMPED", detail)
        if not parts.fresh and letter.source_topic in SNAPSHOTS:
            return _REPEAT
        with processing([message], self._group) as traced:
            await apply(tx, [known for known in traced if isinstance(known, Received)])
        after_commit(tx, metrics.APPLIED.labels(letter.source_topic).inc)
        return Replayed(ReplayOutcome.APPLIED)

    async def _act(self, tx: AsyncConnection, letter: StoredLetter, user_id: int, replayed: Replayed) -> None:
        rejected = replayed.outcome is ReplayOutcome.REJECTED
        at = await act(
            tx,
            letter.id,
            state=DeadLetterState.KEPT if rejected else DeadLetterState.REPLAYED,
            reason_code=replayed.reason_code or letter.reason_code,
            detail=letter.detail if replayed.detail is None else replayed.detail,
            user_id=user_id,
        )
        if at is None:
            raise RuntimeError(f"The locked dead letter {letter.id} was changed")
        await self._outbox.append(tx, [self._announcement(letter, user_id, at, replayed.outcome)])
        after_commit(tx, partial(_report, letter, user_id, replayed))

    def _announcement(
        self, letter: StoredLetter, user_id: int, at: datetime, outcome: ReplayOutcome
    ) -> DeadLetterReplay:
        return self._event(
            tenant_id=PLATFORM_TENANT,
            by_user_id=user_id,
            occurred_at=at,
            dead_letter_id=letter.id,
            source_topic=letter.source_topic,
            reason_code=letter.reason_code,
            outcome=outcome,
        )


def _answer_without_replay(letter: StoredLetter) -> Replayed | ReplayRefusal | None:
    """The answer for a dead letter that is not to be replayed; None if it is."""
    if letter.state is DeadLetterState.REPLAYED:
        return _REPEAT
    if letter.state is not DeadLetterState.KEPT:
        return AlreadyHandled(letter.state)
    return None if letter.obstacle is None else NotReplayable(letter.obstacle)


def _report(letter: StoredLetter, user_id: int, replayed: Replayed) -> None:
    _log.warning("dead_letter_replayed", id=letter.id, topic=letter.source_topic, reason_code=letter.reason_code,
                 user_id=user_id, outcome=replayed.outcome.value, new_reason_code=replayed.reason_code)  # fmt: skip
