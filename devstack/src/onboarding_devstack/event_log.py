"""The events of a broker, read for people and tests: without a consumer group, so that nothing is taken from anybody.

A reader assigns the partitions to itself. It waits for no group, commits nothing, and has its first event at once.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from onboarding_devstack.engines.kafka_access import readable
from onboarding_shared.contracts.catalogue import MESSAGES
from onboarding_shared.contracts.message import TYPE_PREFIX, VERSION
from onboarding_shared.messaging.bounded import within
from onboarding_shared.messaging.guarded_fetch import UnreadableRecord
from onboarding_shared.messaging.guarded_fetch import install as guard_fetches
from onboarding_shared.messaging.kafka import ISOLATION_LEVEL
from onboarding_shared.messaging.log_offsets import ends_of, positions_and_ends
from onboarding_shared.messaging.progress import beyond_end
from onboarding_shared.process.message_settings import KafkaSettings

Event = dict[str, Any]
"""A CloudEvent in the JSON format of CloudEvents 1.0: its attributes, and the message as ``data``."""
Record = ConsumerRecord[bytes, bytes]

TOPICS = tuple(topic.name for topic in readable())
"""The topics that other teams may read. Commands are none of them: they have the keys of runs."""
KNOWN_TYPES = tuple(sorted({message.__name__ for topic in readable() for message in MESSAGES[topic]}))

_REQUIRED = ("id", "source", "type", "partitionkey")
_START_SECONDS = 15.0
_ANSWER_SECONDS = 5.0
_CHECK_SECONDS = 2.0
_FETCH_WAIT_MS = 100
"""The embedded broker notices new records at the end of a wait only."""
_MAX_RECORDS = 500


class NotAnEvent(ValueError):
    """A record that is no CloudEvent of a tenant."""


class BrokerUnreachable(Exception):
    """No broker answers, or it refuses the login."""


def full_type(name: str) -> str:
    """The CloudEvents attribute ``type`` of a message that is given by it, or by its short name."""
    return name if "." in name else f"{TYPE_PREFIX}{name}.{VERSION}"


def short_type(event: Event) -> str:
    """The name of the message of an event of this product; the whole type of another one."""
    return str(event["type"]).removeprefix(TYPE_PREFIX).removesuffix(f".{VERSION}")


def matches(event: Event, types: Iterable[str] = (), tenant: int | None = None) -> bool:
    """True if the event is of one of these full types, if there are any, and of this tenant, if it is not None."""
    wanted = tuple(types)
    return (not wanted or event["type"] in wanted) and (tenant is None or event["partitionkey"] == str(tenant))


def event_of(record: Record) -> Event:
    """The event of a record. Raises ``NotAnEvent``."""
    if isinstance(record, UnreadableRecord):
        raise NotAnEvent(record.reason_code)
    attributes = {name.removeprefix("ce_"): _text(name, value) for name, value in record.headers if name[:3] == "ce_"}
    if attributes.get("specversion") != "1.0":
        raise NotAnEvent("ce_specversion is not 1.0")
    if missing := [f"ce_{name}" for name in _REQUIRED if not attributes.get(name)]:
        raise NotAnEvent(f"missing: {', '.join(missing)}")
    try:
        data = msgspec.json.decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotAnEvent(f"the value is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise NotAnEvent("the value is no JSON object")
    return {**attributes, "datacontenttype": "application/json", "data": data}


def _text(name: str, value: bytes | None) -> str:
    try:
        return "" if value is None else value.decode()
    except UnicodeDecodeError:
        raise NotAnEvent(f"the header {name[:100]!r} is not UTF-8") from None


class EventReader:
    """Reads topics from their start, or from now on; use with ``async with``.

    ``report`` gets a sentence about each record that is no event, and about each broker that does not answer.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        *,
        from_start: bool,
        topics: Sequence[str] = TOPICS,
        report: Callable[[str], None] = lambda sentence: None,
    ) -> None:
        guard_fetches()
        self._topics = topics
        self._report = report
        self._from_start = from_start
        self._check_at = 0.0
        self._client = AIOKafkaConsumer(
            **kafka.client_options(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level=ISOLATION_LEVEL,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            metadata_max_age_ms=30_000,
        )

    async def __aenter__(self) -> Self:
        """Connect, and find where to begin. Raises ``BrokerUnreachable``."""
        try:
            await within(_START_SECONDS, self._client.start())
            await self._assign_new(from_start=self._from_start)
            self._check_at = asyncio.get_running_loop().time() + _CHECK_SECONDS
        except (KafkaError, TimeoutError) as error:
            await self._close()
            raise BrokerUnreachable(str(error) or type(error).__name__) from error
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def read(self, seconds: float) -> list[Event]:
        """The next events, those of a partition in order; none after ``seconds`` without any."""
        await self._look_after_log()
        if not self._client.assignment():
            await asyncio.sleep(seconds)
            return []
        batches = await self._client.getmany(timeout_ms=int(seconds * 1000), max_records=_MAX_RECORDS)
        records = heapq.merge(*batches.values(), key=lambda record: record.timestamp)
        return [event for record in records if (event := self._event(record)) is not None]

    def _event(self, record: Record) -> Event | None:
        try:
            return event_of(record)
        except NotAnEvent as error:
            self._report(f"{record.topic} {record.partition}@{record.offset} is no event: {error}")
            return None

    async def _look_after_log(self) -> None:
        """Now and then find new topics, and begin again where the log is not the one that was read before."""
        clock = asyncio.get_running_loop()
        if clock.time() < self._check_at:
            return
        try:
            await self._assign_new(from_start=True)
            offsets = await within(_ANSWER_SECONDS, positions_and_ends(self._client))
            for partition in beyond_end(offsets):
                self._report(f"{partition.topic} {partition.partition} begins again: the broker lost its records")
                await self._client.seek_to_beginning(partition)
        except (KafkaError, TimeoutError) as error:
            self._report(f"the broker does not answer: {error or type(error).__name__}")
        self._check_at = clock.time() + _CHECK_SECONDS

    async def _assign_new(self, *, from_start: bool) -> None:
        """Add the partitions that are not read yet."""
        cluster = await within(_ANSWER_SECONDS, self._client._client.fetch_all_metadata())
        known = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in cluster.partitions_for_topic(topic) or ()
        }
        assigned = self._client.assignment()
        if not (new := known - assigned):
            return
        kept = {partition: await self._client.position(partition) for partition in assigned}
        starts = await within(_ANSWER_SECONDS, self._starts(new, from_start=from_start))
        self._client.assign(sorted({*known, *assigned}))
        for partition, offset in {**kept, **starts}.items():
            self._client.seek(partition, offset)

    async def _starts(self, partitions: set[TopicPartition], *, from_start: bool) -> Mapping[TopicPartition, int]:
        """Where to begin. What the embedded broker lists as the end may be before the last batch's second record."""
        if from_start:
            return await self._client.beginning_offsets(list(partitions))
        return await ends_of(self._client, partitions)

    async def _close(self) -> None:
        try:
            await within(_ANSWER_SECONDS, self._client.stop())
        except (KafkaError, TimeoutError) as error:
            self._report(f"the connection could not be closed: {error or type(error).__name__}")
