"""The inbox: applies incoming records and stores the last sequence per tenant and topic in one transaction."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import structlog
from aiokafka import ConsumerRecord
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Decoded, PassedOver, Received, Undecodable, decode
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.changes import OneStatement
from onboarding_shared.messaging.dead_letters import DeadLetters, Rejected
from onboarding_shared.messaging.guarded_fetch import UnreadableRecord
from onboarding_shared.messaging.inbox_admission import admit, sequence_keys
from onboarding_shared.messaging.inbox_sequences import continue_series
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.passed_over import PassedOverTypes
from onboarding_shared.messaging.sorting_out import Partitioned, unbroken
from onboarding_shared.messaging.spans import processing
from onboarding_shared.postgres.database import Database, after_commit
from onboarding_shared.postgres.faults import DatabaseUnavailable

Apply = Callable[[AsyncConnection, Sequence[Received]], Awaitable[None]]
"""Applies fresh messages of one topic, in order, inside an open transaction. Must be safe to run twice."""

_log = structlog.get_logger(__name__)


class Batch(NamedTuple):
    """The readable records of a batch with their messages, and the unreadable ones."""

    records: list[ConsumerRecord[bytes, bytes]]
    messages: list[Decoded]
    unreadable: list[Rejected]


class Inbox:
    """Decodes and applies the batches of a consumer, independently of Kafka."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        *,
        group: str,
        applies: Mapping[Topic, Apply],
        window: int,
        run_keys: RunKeys | None = None,
    ) -> None:
        """``window`` is the number of messages of a tenant and topic that may be missing before the next one.

        With ``run_keys`` only messages about runs that have a valid MAC are applied.
        """
        self._run_keys = run_keys
        self._window = window
        self._database = database
        self._applies = {topic.name: apply for topic, apply in applies.items()}
        self._dead_letters = DeadLetters(outbox, group=group)
        self._group = group
        self._passed_over = PassedOverTypes()

    async def take(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        """Apply a batch. Afterwards each record is applied, already known, passed over, or a dead letter.

        Raises only ``DatabaseUnavailable``, after which no record of the batch counts as taken. If a batch fails,
        its records are applied one by one, so that an invalid record does not affect the others.
        """
        try:
            await self._apply_all(self._read(records))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            _log.warning("batch_failed", records=len(records), reason=repr(error))
            for record in records:
                await self._take_alone(record)

    async def _take_alone(self, record: ConsumerRecord[bytes, bytes]) -> None:
        batch = self._read([record])
        try:
            await self._apply_all(batch)
        except DatabaseUnavailable:
            raise
        except Exception as error:
            rejected = Rejected(record, "APPLY_FAILED", f"{type(error).__name__}: {error}")
            await self._put_aside(rejected, batch.messages)

    async def _put_aside(self, rejected: Rejected, messages: Sequence[Decoded]) -> None:
        """Keep a dead letter; without its content if the content is what cannot be stored."""
        try:
            await self._database.run(lambda tx: self._reject(tx, rejected, messages))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            _log.exception("dead_letter_without_content", reason=repr(error))
            await self._database.run(lambda tx: self._reject(tx, rejected.without_content(), messages))

    async def _reject(self, tx: AsyncConnection, rejected: Rejected, messages: Sequence[Decoded]) -> None:
        """Keep the dead letter. The number of its message is used up, unless it jumps."""
        await admit(tx, messages, self._window)
        await self._dead_letters.keep(tx, [rejected])

    def _read(self, records: Sequence[ConsumerRecord[bytes, bytes]]) -> Batch:
        batch = Batch([], [], [])
        for record in records:
            if isinstance(record, UnreadableRecord):
                batch.unreadable.append(Rejected(record, record.reason_code, record.detail))
                continue
            try:
                message = decode(record.topic, record.key, record.value, record.headers, self._run_keys)
            except Undecodable as error:
                batch.unreadable.append(Rejected(record, error.code, error.detail))
            else:
                batch.records.append(record)
                batch.messages.append(message)
        return batch

    async def _apply_all(self, batch: Batch) -> None:
        with processing(batch.messages, self._group) as messages:
            rest = batch._replace(messages=list(messages))
            if (apply := self._one_statement(rest)) is not None:
                rest = await self._database.run_single(lambda tx: self._apply_continuing(tx, rest, apply))
                if not rest.messages:
                    return
            await self._database.run(lambda tx: self._apply(tx, rest))

    def _one_statement(self, batch: Batch) -> OneStatement | None:
        """The statement that applies the whole batch, if the topic has one."""
        topics = {message.topic if isinstance(message, Received) else "" for message in batch.messages}
        apply = self._applies.get(topics.pop()) if len(topics) == 1 and not batch.unreadable else None
        return apply if isinstance(apply, OneStatement) else None

    async def _apply_continuing(self, tx: AsyncConnection, batch: Batch, apply: OneStatement) -> Batch:
        """Apply what follows the last applied sequences, in their statement; return the rest of the batch."""
        messages = batch.messages
        received = [message for message in messages if isinstance(message, Received)]
        _, continued = await continue_series(tx, sequence_keys(messages), unbroken(messages), apply.change(received))
        done = [message for message in received if (message.tenant_id, message.topic) in continued]
        after_commit(tx, partial(self._count, Partitioned(tuple(done), 0, 0, {}), done))
        rest = [place for place, message in enumerate(messages) if (message.tenant_id, message.topic) not in continued]
        return Batch([batch.records[place] for place in rest], [messages[place] for place in rest], [])

    async def _apply(self, tx: AsyncConnection, batch: Batch) -> None:
        """Apply the fresh messages of the batch, which have the spans of their processing."""
        rejected, messages = list(batch.unreadable), batch.messages
        if messages:
            parts = await admit(tx, messages, self._window)
            known = [message for message in parts.fresh if isinstance(message, Received)]
            for topic, apply in self._applies.items():
                of_topic = [message for message in known if message.topic == topic]
                if of_topic:
                    await apply(tx, of_topic)
            after_commit(tx, partial(self._count, parts, messages))
            rejected += [_jumped(batch.records[place], messages[place]) for place in parts.jumps]
        if rejected:
            await self._dead_letters.keep(tx, rejected)

    def _count(self, parts: Partitioned, messages: Sequence[Decoded]) -> None:
        metrics.count_by(metrics.APPLIED, [message.topic for message in parts.fresh if isinstance(message, Received)])
        self._passed_over.count([message for message in parts.fresh if isinstance(message, PassedOver)])
        if parts.repeats:
            metrics.REPEATS.inc(parts.repeats)
        if parts.missing:
            metrics.GAPS.inc(parts.missing)
            _log.warning("messages_missing", count=parts.missing)
        for jumped in (messages[place] for place in parts.jumps):
            metrics.JUMPS.labels(jumped.topic).inc()
            _log.error("sequence_jumped", topic=jumped.topic, tenant_id=jumped.tenant_id, sequence=jumped.sequence)


def _jumped(record: ConsumerRecord[bytes, bytes], message: Decoded) -> Rejected:
    return Rejected(record, "SEQUENCE_JUMPED", f"ce_sequence is {message.sequence}; too many before it are missing.")
