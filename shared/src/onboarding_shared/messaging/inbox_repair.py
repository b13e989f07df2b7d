"""Repairs the last applied sequence of one tenant, by comparison with the messages that Kafka still has.

A forged message within the window moves the mark ahead of the publisher, whose next messages are then taken for
repeats. After a long gap, such as with a database restored to an earlier moment, the mark is so far behind that every
message jumps. In both cases the mark becomes the number of the last message whose offset this consumer has committed.
What was refused or dropped in between, or passed and not committed yet, is published again by the sweepers.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.partitioner import DefaultPartitioner

from onboarding_shared.contracts.audit import InboxRepair
from onboarding_shared.contracts.cloudevents import Undecodable, decode
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.topics import TASK_COMMANDS
from onboarding_shared.messaging.bounded import within
from onboarding_shared.messaging.guarded_fetch import UnreadableRecord, install
from onboarding_shared.messaging.inbox_sequences import compare_and_set, last_applied
from onboarding_shared.messaging.kafka import ISOLATION_LEVEL
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.message_settings import KafkaSettings

_READ_SECONDS = 300.0
_EMPTY_POLLS = 10

_log = structlog.get_logger(__name__)


class Seen(NamedTuple):
    """A message of the tenant in Kafka."""

    offset: int
    sequence: int


class Repair(NamedTuple):
    """The mark of a topic before and after; equal if nothing was to be repaired."""

    topic: str
    before: int
    after: int


def repaired(mark: int, passed: int, messages: Sequence[Seen]) -> int:
    """Return the right mark. ``passed`` is the group's committed offset; ``messages`` are in the order of the log.

    The publisher's numbers are the longest series without a gap: it gives out each number once. A mark is wrong if it
    is behind what the consumer has passed, or ahead of the publisher. It is ahead if its message is not in the log, or
    if new and lower numbers follow it there.
    """
    numbers = _longest_series(messages)
    genuine = [seen for seen in messages if seen.sequence in numbers]
    if not genuine:
        return mark
    consumed = max((seen.sequence for seen in genuine if seen.offset < passed), default=0)
    if mark <= max(numbers):
        return max(mark, consumed)
    forged_at = min((seen.offset for seen in messages if seen.sequence == mark), default=-1)
    earlier = {seen.sequence for seen in genuine if seen.offset < forged_at}
    if forged_at >= 0 and numbers == earlier:
        return mark
    return max([consumed, *earlier])


def _longest_series(messages: Sequence[Seen]) -> set[int]:
    """The longest series of consecutive numbers; of equally long ones the lowest."""
    numbers = sorted({seen.sequence for seen in messages})
    ends = [place for place, (number, following) in enumerate(pairwise(numbers), start=1) if following != number + 1]
    series = [numbers[start:end] for start, end in pairwise([0, *ends, len(numbers)])]
    return set(max(series, key=len)) if numbers else set()


class Audit(NamedTuple):
    """The event that announces a repair, and the operator who repairs."""

    event: type[InboxRepair]
    operator: str


async def repair(
    kafka: KafkaSettings,
    database: Database,
    topics: Iterable[str],
    *,
    group: str,
    tenant_id: int,
    audit: Audit | None,
    run_keys: RunKeys | None = None,
    command_keys: RunKeys | None = None,
) -> list[Repair]:
    """Repair the tenant's marks of ``topics``, or only look for what to repair without ``audit``.

    Safe while the consumers of ``group`` work: marks are read before the log, so that a healthy one is never ahead of
    it, and are set only if still the same. Raises ``TimeoutError`` if Kafka does not answer in time.
    """
    install()
    repairs = []
    for topic in topics:
        keys = command_keys if topic == TASK_COMMANDS.name else run_keys
        mark = await last_applied(database, tenant_id, topic)
        passed, messages = await within(_READ_SECONDS, _read(kafka, topic, group, tenant_id, keys))
        right = repaired(mark, passed, messages)
        if right != mark and audit is not None:
            await _set(database, tenant_id, Repair(topic, mark, right), audit)
        repairs.append(Repair(topic, mark, right))
    return repairs


async def _set(database: Database, tenant_id: int, done: Repair, audit: Audit) -> None:
    """Set the mark and store the event, which the service that runs publishes."""
    async with database.transaction() as tx:
        at = await compare_and_set(tx, (tenant_id, done.topic), done.before, done.after)
        if at is None:
            return
        event = audit.event(
            tenant_id=tenant_id,
            operator=audit.operator,
            occurred_at=at,
            repaired_topic=done.topic,
            before=done.before,
            after=done.after,
        )
        await Outbox().append(tx, [event])
    _log.warning("inbox_repaired", topic=done.topic, tenant_id=tenant_id, before=done.before, after=done.after)


async def _read(
    kafka: KafkaSettings, topic: str, group: str, tenant_id: int, run_keys: RunKeys | None
) -> tuple[int, list[Seen]]:
    """The committed offset of the group, and the tenant's messages in its partition."""
    consumer = AIOKafkaConsumer(
        **kafka.client_options(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level=ISOLATION_LEVEL,
    )
    admin = AIOKafkaAdminClient(**kafka.client_options())
    try:
        await consumer.start()
        await admin.start()
        partitions = sorted(consumer.partitions_for_topic(topic) or await _partitions(consumer, topic))
        place = TopicPartition(topic, DefaultPartitioner()(str(tenant_id).encode(), partitions, partitions))
        committed = (await admin.list_consumer_group_offsets(group, partitions=[place])).get(place)
        return max(0, committed.offset) if committed else 0, await _messages(consumer, place, tenant_id, run_keys)
    finally:
        await consumer.stop()
        await admin.close()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client.fetch_all_metadata()
    return consumer.partitions_for_topic(topic) or {0}


async def _messages(
    consumer: AIOKafkaConsumer, place: TopicPartition, tenant_id: int, run_keys: RunKeys | None
) -> list[Seen]:
    consumer.assign([place])
    end = (await consumer.end_offsets([place]))[place]
    messages: list[Seen] = []
    empty = 0
    while await consumer.position(place) < end and empty < _EMPTY_POLLS:
        records = (await consumer.getmany(place, timeout_ms=1_000)).get(place, [])
        empty = 0 if records else empty + 1
        messages += [
            Seen(record.offset, sequence) for record in records if (sequence := _sequence(record, tenant_id, run_keys))
        ]
    return messages


def _sequence(record: ConsumerRecord[bytes, bytes], tenant_id: int, run_keys: RunKeys | None) -> int | None:
    if isinstance(record, UnreadableRecord) or record.key != str(tenant_id).encode():
        return None
    try:
        return decode(record.topic, record.key, record.value, record.headers, run_keys).sequence
    except Undecodable:
        return None
