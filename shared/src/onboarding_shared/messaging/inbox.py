"""The inbox: applies incoming records and stores the last sequence per tenant and topic in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import msgspec
import structlog
from aiokafka import ConsumerRecord
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received, Undecodable, decode
from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.dead_letters import DeadLetters, Rejected
from onboarding_shared.messaging.guarded_fetch import UnreadableRecord
from onboarding_shared.messaging.inbox_sequences import SequenceKey, advance, lock_last_applied
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.spans import processing
from onboarding_shared.postgres.database import Database, after_commit
from onboarding_shared.postgres.faults import DatabaseUnavailable

Apply = Callable[[AsyncConnection, Sequence[Received]], Awaitable[None]]
"""Applies fresh messages of one topic, in order, inside an open transaction. Must be safe to run twice."""

_log = structlog.get_logger(__name__)


class Partitioned(msgspec.Struct, frozen=True):
    """The new messages of a batch, and the counts of repeated and missing ones."""

    fresh: tuple[Received, ...]
    repeats: int
    missing: int
    last: dict[SequenceKey, int]


def partition(messages: Sequence[Received], last_applied: Mapping[SequenceKey, int]) -> Partitioned:
    """Drop repeated and outdated messages and count missing ones; the order is preserved."""
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
    return Partitioned(tuple(fresh), repeats, missing, last)


class Inbox:
    """Decodes and applies the batches of a consumer, independently of Kafka."""

    def __init__(self, database: Database, outbox: Outbox, *, group: str, applies: Mapping[Topic, Apply]) -> None:
        self._database = database
        self._applies = {topic.name: apply for topic, apply in applies.items()}
        self._dead_letters = DeadLetters(outbox, group=group)
        self._group = group

    async def take(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        """Apply a batch. Afterwards each record is applied, already known, or a dead letter.

        Raises only ``DatabaseUnavailable``, after which no record of the batch counts as taken. If a batch fails,
        its records are applied one by one, so that an invalid record does not affect the others.
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
            rejected = Rejected(record, "APPLY_FAILED", f"{type(error).__name__}: {error}")
            last = {(message.tenant_id, message.topic): message.sequence for message in readable}
            await self._put_aside(rejected, last)

    async def _put_aside(self, rejected: Rejected, last: Mapping[SequenceKey, int]) -> None:
        """Keep a dead letter; without its content if the content is what cannot be stored."""
        try:
            await self._database.run(lambda tx: self._reject(tx, rejected, last))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            _log.exception("dead_letter_without_content", reason=repr(error))
            await self._database.run(lambda tx: self._reject(tx, rejected.without_content(), last))

    async def _reject(self, tx: AsyncConnection, rejected: Rejected, last: Mapping[SequenceKey, int]) -> None:
        await advance(tx, last)
        await self._dead_letters.keep(tx, [rejected])

    def _read(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> tuple[list[Received], list[Rejected]]:
        readable: list[Received] = []
        unreadable: list[Rejected] = []
        for record in records:
            if isinstance(record, UnreadableRecord):
                unreadable.append(Rejected(record, record.reason_code, record.detail))
                continue
            try:
                readable.append(decode(record.topic, record.key, record.value, record.headers))
            except Undecodable as error:
                unreadable.append(Rejected(record, error.code, error.detail))
        return readable, unreadable

    async def _apply_all(self, readable: Sequence[Received], unreadable: Sequence[Rejected]) -> None:
        with processing(readable, self._group) as messages:
            await self._database.run(lambda tx: self._apply(tx, messages, unreadable))

    async def _apply(self, tx: AsyncConnection, readable: Sequence[Received], unreadable: Sequence[Rejected]) -> None:
        if readable:
            before = await lock_last_applied(tx, {(message.tenant_id, message.topic) for message in readable})
            batch = partition(readable, before)
            for topic, apply in self._applies.items():
                of_topic = [message for message in batch.fresh if message.topic == topic]
                if of_topic:
                    await apply(tx, of_topic)
            await advance(tx, {key: last for key, last in batch.last.items() if last != before.get(key)})
            after_commit(tx, partial(_count, batch))
        if unreadable:
            await self._dead_letters.keep(tx, unreadable)


def _count(batch: Partitioned) -> None:
    metrics.count_by(metrics.APPLIED, (message.topic for message in batch.fresh))
    if batch.repeats:
        metrics.REPEATS.inc(batch.repeats)
    if batch.missing:
        metrics.GAPS.inc(batch.missing)
        _log.warning("messages_missing", count=batch.missing)
