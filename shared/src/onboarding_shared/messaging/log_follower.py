"""Reads whole topics from their present end, for one process alone: without a consumer group, and without a database.

Nothing is stored, so nothing counts as applied: what is read here may only be shown. A record that cannot be read is
passed over; the consumers of the topic put it aside.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from prometheus_client import Counter

from onboarding_shared.contracts.cloudevents import Received, Undecodable, decode
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging.bounded import within
from onboarding_shared.messaging.guarded_fetch import UnreadableRecord
from onboarding_shared.messaging.guarded_fetch import install as guard_fetches
from onboarding_shared.messaging.kafka import ISOLATION_LEVEL
from onboarding_shared.messaging.log_offsets import ends_of, positions_and_ends
from onboarding_shared.messaging.progress import ConsumerProgress, Verdict, beyond_end
from onboarding_shared.process.loop import Loop
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.telemetry.metrics import Gauge

Place = tuple[str, int]
"""The name of a topic, and the number of a partition."""

_POLL_MS = 250
"""Longest time in milliseconds that a poll waits for records, and that a stop waits for the poll."""
_LEAST_FETCH_WAIT_MS = 100
"""The embedded broker notices new records at the end of a wait only; a shorter one would cost more than it gives."""
_FETCH_BYTES = 4 * 1024 * 1024
_MAX_RECORDS = 200
_START_SECONDS = 15.0
_ANSWER_SECONDS = 5.0
_CHECK_SECONDS = 5.0
_MISSING_SECONDS = 1.0
"""The time between two looks while a topic does not exist."""
_CATCH_UP_SECONDS = 10.0
"""After this time what was there before counts as new: an open transaction may hold back its end for long."""
_REBUILD_SECONDS = 0.4

IGNORED = Counter(
    "onboarding_followed_records_ignored_total",
    "Records of followed topics that could not be read",
    ["topic", "reason"],
)
REBUILDS = Counter("onboarding_follower_rebuilds_total", "Clients of followed topics replaced because they failed")
FOLLOWER_UP = Gauge("onboarding_follower_up", "Whether the followed topics are read")

_log = structlog.get_logger(__name__)


class LogListener(Protocol):
    """Is called with the records of the topics. The calls must be short: nothing else is read meanwhile."""

    def began(self, starts: Mapping[Place, int]) -> None:
        """These partitions are read from these offsets on."""
        ...

    def take(self, place: Place, offset: int, message: Received | None) -> None:
        """The next record of the partition; without a message if it has none that can be read."""
        ...

    def caught_up(self) -> None:
        """All earlier records have been read; from now on records are new."""
        ...

    def lost(self) -> None:
        """The log of a partition is not the one that was read before: it is read anew."""
        ...


class LogLost(Exception):
    """Records may have been missed."""


class LogFollower:
    """Tells a listener each record of some topics. Its client is replaced when it fails, and goes on where it was."""

    def __init__(
        self, kafka: KafkaSettings, topics: Sequence[Topic], listener: LogListener, *, look_back: int, run_keys: RunKeys
    ) -> None:
        """At the start ``look_back`` records at most of each partition are read that were there before."""
        guard_fetches()
        self._kafka = kafka
        self._topics = [topic.name for topic in topics]
        self._listener = listener
        self._look_back = look_back
        self._run_keys = run_keys
        self._next: dict[TopicPartition, int] = {}
        self._behind: dict[TopicPartition, int] = {}
        self._behind_until = 0.0
        self._begun = False
        self._client: AIOKafkaConsumer | None = None
        self._stopping = asyncio.Event()
        self._loop = Loop("log-follower", self._turn, count_failure=REBUILDS.inc, longest_backoff=5.0)
        self.progress = ConsumerProgress()

    def start(self) -> None:
        """Start to read in the background."""
        self._loop.start()

    async def stop(self) -> None:
        """Stop reading."""
        self._stopping.set()
        await self._loop.stop()

    async def ends(self) -> Mapping[Place, int]:
        """The end of each partition now. Raises ``TimeoutError`` or ``ConnectionError`` if Kafka does not answer."""
        client = self._client
        if client is None:
            raise ConnectionError("Kafka is not connected")
        return _places(await within(_ANSWER_SECONDS, ends_of(client, self._next.keys())))

    async def _turn(self) -> float:
        client = AIOKafkaConsumer(
            **self._kafka.client_options(),
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level=ISOLATION_LEVEL,
            fetch_max_wait_ms=max(_LEAST_FETCH_WAIT_MS, self._kafka.fetch_max_wait_ms),
            fetch_max_bytes=_FETCH_BYTES,
            metadata_max_age_ms=30_000,
        )
        self.progress = self.progress.successor()
        try:
            await within(_START_SECONDS, client.start())
            self._client = client
            self.progress.started()
            await self._follow(client)
            if not self._stopping.is_set():
                REBUILDS.inc()
        except (OffsetOutOfRangeError, LogLost) as error:
            self._lose(repr(error))
        finally:
            self._client = None
            self.progress.disconnected()
            await _close(client)
        return _REBUILD_SECONDS

    async def _follow(self, client: AIOKafkaConsumer) -> None:
        """Read until a stop is requested, or the client must be replaced."""
        clock = asyncio.get_running_loop()
        check_at = clock.time()
        while not self._stopping.is_set():
            if clock.time() >= check_at:
                complete = await self._assign_new(client)
                if await self._is_unusable(client):
                    return
                check_at = clock.time() + (_CHECK_SECONDS if complete else _MISSING_SECONDS)
            if not client.assignment():
                await asyncio.sleep(_POLL_MS / 1000)
                continue
            batches = await client.getmany(timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
            for partition, records in batches.items():
                self._take(partition, records)
            await self._note_positions(client, batches)
            await asyncio.sleep(0)  # records that are there already are handed over without a pause

    async def _assign_new(self, client: AIOKafkaConsumer) -> bool:
        """Begin to read the partitions that are not read yet: all of them at first, later those of new topics.

        Returns whether every topic exists.
        """
        if not all(client.partitions_for_topic(topic) for topic in self._topics):
            await within(_ANSWER_SECONDS, client._client.fetch_all_metadata())
        known = {
            TopicPartition(topic, number)
            for topic in self._topics
            for number in client.partitions_for_topic(topic) or ()
        }
        if known - client.assignment():
            if new := known - self._next.keys():
                await self._begin(client, new)
            client.assign(sorted(known))
            for partition in known:
                client.seek(partition, self._next[partition])
        if not self._begun:
            self._begun = True
            self._behind_until = asyncio.get_running_loop().time() + _CATCH_UP_SECONDS
            self._tell_if_caught_up()
        return {partition.topic for partition in known} == set(self._topics)

    async def _begin(self, client: AIOKafkaConsumer, partitions: set[TopicPartition]) -> None:
        """Find where to begin. A topic that appears later is new, so everything in it is. Raises ``LogLost``."""
        ends = await within(_ANSWER_SECONDS, ends_of(client, partitions))
        beginnings = await within(_ANSWER_SECONDS, client.beginning_offsets(list(partitions)))
        starts = {place: max(beginnings[place], ends[place] - self._look_back) for place in partitions}
        if not self._begun:
            self._behind = {place: end for place, end in ends.items() if end > starts[place]}
        elif any(starts.values()):
            raise LogLost("a partition that was unknown has had records before")
        self._next |= starts
        self._listener.began(_places(starts))

    def _take(self, partition: TopicPartition, records: Sequence[ConsumerRecord[bytes, bytes]]) -> None:
        place = (partition.topic, partition.partition)
        for record in records:
            self._listener.take(place, record.offset, self._read(record))

    def _read(self, record: ConsumerRecord[bytes, bytes]) -> Received | None:
        if isinstance(record, UnreadableRecord):
            return self._ignore(record.topic, record.reason_code)
        try:
            message = decode(record.topic, record.key, record.value, record.headers, self._run_keys)
        except Undecodable as error:
            return self._ignore(record.topic, error.code)
        return message if isinstance(message, Received) else None

    def _ignore(self, topic: str, reason_code: str) -> None:
        IGNORED.labels(topic, reason_code).inc()

    async def _note_positions(self, client: AIOKafkaConsumer, batches: Mapping[TopicPartition, object]) -> None:
        """Remember how far was read. Records that are not handed over count too, such as those of an aborted write."""
        for partition in {*batches, *self._behind}:
            self._next[partition] = await client.position(partition)
        if self._behind:
            late = asyncio.get_running_loop().time() > self._behind_until
            behind = {place: end for place, end in self._behind.items() if self._next[place] < end}
            self._behind = {} if late else behind
            self._tell_if_caught_up()

    def _tell_if_caught_up(self) -> None:
        if not self._behind:
            self._listener.caught_up()

    async def _is_unusable(self, client: AIOKafkaConsumer) -> bool:
        try:
            offsets = await within(_ANSWER_SECONDS, positions_and_ends(client))
        except Exception as error:
            _log.warning("follower_progress_unknown", reason=repr(error))
            return self.progress.observe_failure() is Verdict.STUCK
        if shorter := beyond_end(offsets):
            self._lose(f"shorter than its position: {shorter[0]}")
            return True
        return self.progress.observe(offsets) is Verdict.STUCK

    def _lose(self, reason: str) -> None:
        _log.warning("followed_log_lost", reason=reason)
        self._next.clear()
        self._behind.clear()
        self._begun = False
        self._listener.lost()


async def _close(client: AIOKafkaConsumer) -> None:
    try:
        await within(_START_SECONDS, client.stop())
    except Exception as error:
        _log.warning("follower_stop_failed", reason=repr(error))


def _places(offsets: Mapping[TopicPartition, int]) -> dict[Place, int]:
    return {(partition.topic, partition.partition): offset for partition, offset in offsets.items()}
