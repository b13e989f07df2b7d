"""Incoming records, applied in one transaction with the note of how far each tenant's sequence has come."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import msgspec
import structlog
from aiokafka import ConsumerRecord
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received, Undecodable, decode
from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.dead_letters import Bad, DeadLetters
from onboarding_shared.messaging.inbox_sequences import SequenceKey, advance, lock_last_applied
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.spans import processing
from onboarding_shared.postgres.database import Database, after_commit
from onboarding_shared.postgres.faults import DatabaseUnavailable

Apply = Callable[[AsyncConnection, Sequence[Received]], Awaitable[None]]
"""Applies fresh messages of one topic, in order, inside an open transaction. Must be safe to run twice."""

_log = structlog.get_logger(__name__)


class Sorted(msgspec.Struct, frozen=True):
    """A batch against what was applied before."""

    fresh: tuple[Received, ...]
    repeats: int
    missing: int
    last: dict[SequenceKey, int]


def sort_out(messages: Sequence[Received], last_applied: Mapping[SequenceKey, int]) -> Sorted:
    """Drop what is repeated or out of date, and count what is missing; the order stays."""
    last = dict(last_applied)
    fresh: list[Received] = []
    repeats = missing = 0
    for message in messages:
        key = (message.tenant_id, message.topic)
        before = last.get(key, 0)
        if message.sequence <= before:
            repeats += 1
            continue
        missing += message.sequence - before - 1
        last[key] = message.sequence
        fresh.append(message)
    return Sorted(tuple(fresh), repeats, missing, last)


class Inbox:
    """What a consumer does with a batch of records, apart from Kafka itself."""

    def __init__(self, database: Database, outbox: Outbox, *, group: str, applies: Mapping[Topic, Apply]) -> None:
        self._database = database
        self._applies = {topic.name: apply for topic, apply in applies.items()}
        self._dead_letters = DeadLetters(outbox, group=group)
        self._group = group

    async def take(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        """Apply a batch. Afterwards each record is applied, known already, or a dead letter.

        Raises ``DatabaseUnavailable`` and nothing else: then nothing of the batch may count as taken. A batch
        that fails on one record is applied record by record, so that one bad record harms only itself.
        """
        try:
            await self._apply_all(*self._read(records))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            _log.warning("batch_failed", records=len(records), reason=repr(error))
            for record in records:
                await self._take_alone(record)

    async def _take_alone(self, record: ConsumerRecord[bytes, bytes]) -> None:
        readable, unreadable = self._read([record])
        try:
            await self._apply_all(readable, unreadable)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            bad = Bad(record, "APPLY_FAILED", f"{type(error).__name__}: {error}")
            last = {(one.tenant_id, one.topic): one.sequence for one in readable}
            await self._database.run(lambda connection: self._put_aside(connection, bad, last))

    async def _put_aside(self, connection: AsyncConnection, bad: Bad, last: Mapping[SequenceKey, int]) -> None:
        await advance(connection, last)
        await self._dead_letters.keep(connection, [bad])

    def _read(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> tuple[list[Received], list[Bad]]:
        readable: list[Received] = []
        unreadable: list[Bad] = []
        for record in records:
            try:
                readable.append(decode(record.topic, record.key, record.value, record.headers))
            except Undecodable as error:
                unreadable.append(Bad(record, error.code, error.detail))
        return readable, unreadable

    async def _apply_all(self, readable: Sequence[Received], unreadable: Sequence[Bad]) -> None:
        with processing(readable, self._group) as messages:
            await self._database.run(lambda connection: self._apply(connection, messages, unreadable))

    async def _apply(
        self, connection: AsyncConnection, readable: Sequence[Received], unreadable: Sequence[Bad]
    ) -> None:
        if readable:
            before = await lock_last_applied(connection, {(one.tenant_id, one.topic) for one in readable})
            batch = sort_out(readable, before)
            for topic, apply in self._applies.items():
                of_topic = [one for one in batch.fresh if one.topic == topic]
                if of_topic:
                    await apply(connection, of_topic)
            await advance(connection, {key: last for key, last in batch.last.items() if last != before.get(key)})
            after_commit(connection, partial(_count, batch))
        if unreadable:
            await self._dead_letters.keep(connection, unreadable)


def _count(batch: Sorted) -> None:
    metrics.count_by(metrics.APPLIED, (message.topic for message in batch.fresh))
    if batch.repeats:
        metrics.REPEATS.inc(batch.repeats)
    if batch.missing:
        metrics.GAPS.inc(batch.missing)
        _log.warning("messages_missing", count=batch.missing)
