"""The Kafka consumer: applies each batch in one transaction; offsets follow later. The handler never raises."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.message import StreamMessage

from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.bounded import within
from onboarding_shared.messaging.dead_letter_sweeper import DeadLetterSweeper
from onboarding_shared.messaging.guarded_fetch import install as guard_fetches
from onboarding_shared.messaging.inbox import Apply, Inbox
from onboarding_shared.messaging.kafka import ISOLATION_LEVEL, faststream_options
from onboarding_shared.messaging.log_offsets import positions_and_ends
from onboarding_shared.messaging.offset_commits import OffsetCommits
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.progress import ConsumerProgress, Verdict, beyond_end
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.postgres.group_commit import gather_seconds
from onboarding_shared.process.loop import Loop
from onboarding_shared.process.message_settings import KafkaSettings

Records = Sequence[ConsumerRecord[bytes, bytes]]

_BATCH_SECONDS = 45.0
"""Time limit for applying a batch, after which it is returned to Kafka. Below Kafka's limit of 300 s between polls."""
_MAX_RECORDS = 1000
_FETCH_BYTES = 8 * 1024 * 1024
"""Maximum length of a response of Kafka, unless its first batch alone is longer."""
_STOP_SECONDS = 20.0
_WATCH_SECONDS = 2.0
_REBUILD_SECONDS = 0.4
_POLL_MS = 1_000
_REST_MS = 10
"""Pause of FastStream after an empty poll."""

_log = structlog.get_logger(__name__)


class Consumer:
    """One member of a consumer group. Replaces its client if that is connected but stuck."""

    def __init__(
        self,
        kafka: KafkaSettings,
        database: Database,
        outbox: Outbox,
        *,
        group: str,
        applies: Mapping[Topic, Apply],
        run_keys: RunKeys | None = None,
    ) -> None:
        """With ``run_keys`` only messages about runs that have a valid MAC are applied."""
        guard_fetches()
        self._kafka = kafka
        self._group = group
        self._topics = [topic.name for topic in applies]
        self._inbox = Inbox(
            database, outbox, group=group, applies=applies, window=kafka.sequence_window, run_keys=run_keys
        )
        self._sweeper = DeadLetterSweeper(database, kafka)
        self._client: AIOKafkaConsumer | None = None
        self._offsets = OffsetCommits(group)
        self._stopping = asyncio.Event()
        rebuilds = metrics.CONSUMER_REBUILDS.labels(group)
        self._loop = Loop(f"consumer-{group}", self._turn, count_failure=rebuilds.inc, longest_backoff=10.0)
        self.progress = ConsumerProgress(topics=self._topics)

    async def start(self) -> None:
        """Start consuming in the background. Never raises, even if Kafka is unavailable."""
        self._loop.start()
        self._sweeper.start()

    async def stop(self) -> None:
        """Finish and commit the current batch, then leave the group."""
        self._stopping.set()
        await self._loop.stop()
        await self._sweeper.stop()

    async def _turn(self) -> float:
        await self._consume_until_stuck()
        if not self._stopping.is_set():
            metrics.CONSUMER_REBUILDS.labels(self._group).inc()
        return _REBUILD_SECONDS

    async def _consume_until_stuck(self) -> None:
        """Consume until a stop is requested or the client must be replaced."""
        broker, subscriber = self._build()
        self.progress = self.progress.successor()
        try:
            await within(15.0, broker.start())
            self._client = _with_longer_polls(subscriber.consumer)
            self._offsets.connected(self._client)
            self.progress.started()
            while not self._stopping.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._watch_every())
                if not self._stopping.is_set() and await self._is_stuck():
                    return
        finally:
            self.progress.disconnected()
            await self._offsets.flush()
            try:
                await within(_STOP_SECONDS, broker.stop())
            except Exception as error:
                _log.warning("consumer_stop_failed", group=self._group, reason=repr(error))
            self._client = self._offsets.client = None

    def _watch_every(self) -> float:
        return _WATCH_SECONDS if self.progress.connected else 0.2

    def _build(self) -> tuple[KafkaBroker, Any]:
        """Create a broker and a subscriber. A FastStream handler cannot be moved to another broker."""
        broker = KafkaBroker(
            **faststream_options(self._kafka),
            ack_policy=AckPolicy.MANUAL,
            graceful_timeout=15.0,
            allow_auto_create_topics=False,
            consumer_only=True,
            apply_types=False,
            metadata_max_age_ms=2_000,
            logger=logging.getLogger("faststream"),
            log_level=logging.DEBUG,
        )
        subscriber = broker.subscriber(
            *self._topics,
            batch=True,
            group_id=self._group,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            isolation_level=ISOLATION_LEVEL,
            max_records=_MAX_RECORDS,
            batch_timeout_ms=_REST_MS,
            fetch_max_wait_ms=self._kafka.fetch_max_wait_ms,
            fetch_max_bytes=_FETCH_BYTES,
            session_timeout_ms=6_000,  # the embedded broker lets a new member wait half of it
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=300_000,
            listener=self._offsets,
        )
        subscriber(self._handle, parser=_keep_raw, decoder=_raw_records)
        return broker, subscriber

    async def _handle(self, records: Records) -> None:
        progress, applied = self.progress, False
        progress.batch_began()
        try:
            applied = await self._take(records)
            if applied:
                await self._offsets.note(records)
            else:
                self._return_to_kafka(records)
        except Exception as error:
            _log.error("consumer_handler_failed", group=self._group, reason=repr(error))
            self._return_to_kafka(records)
            await asyncio.sleep(1.0)
        finally:
            progress.batch_ended(applied=applied)
        await asyncio.sleep(gather_seconds(len(records)))

    async def _take(self, records: Records) -> bool:
        """Apply the batch, with retries while the database is unavailable; False once the time limit has passed."""
        deadline = time.monotonic() + _BATCH_SECONDS
        delay = 0.05
        while True:
            try:
                await self._inbox.take(records)
                return True
            except DatabaseUnavailable as error:
                metrics.CONSUMER_RETRIES.labels(self._group).inc()
                if time.monotonic() + delay > deadline or self._stopping.is_set():
                    _log.error("batch_handed_back", group=self._group, records=len(records), reason=str(error))
                    return False
                await asyncio.sleep(delay)
                delay = min(delay * 2, 2.0)

    def _return_to_kafka(self, records: Records) -> None:
        """Seek back, so that the next poll returns the same records."""
        client = self._client
        if client is None:
            return
        first: dict[TopicPartition, int] = {}
        for record in records:
            first.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        for partition, offset in first.items():
            if partition in client.assignment():
                client.seek(partition, offset)

    async def _is_stuck(self) -> bool:
        client = self._client
        if client is None:
            return True
        try:
            offsets = await within(5.0, positions_and_ends(client))
            await within(5.0, self._begin_again(client, beyond_end(offsets)))
        except Exception as error:
            verdict = self.progress.observe_failure()
            _log.warning("consumer_progress_unknown", group=self._group, reason=repr(error))
        else:
            verdict = self.progress.observe(offsets)
        if verdict is Verdict.STUCK:
            _log.error("consumer_stuck", group=self._group, lag=self.progress.lag)
        return verdict is Verdict.STUCK

    async def _begin_again(self, client: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> None:
        """Read these partitions from their beginning: the broker has lost records, and new ones take their offsets.

        Apache Kafka says so with OFFSET_OUT_OF_RANGE; the embedded broker waits until its log is as long again.
        """
        for partition in partitions:
            _log.warning("log_shorter_than_position", topic=partition.topic, partition=partition.partition)
            await client.seek_to_beginning(partition)


def _with_longer_polls(client: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """Lengthen the client's polls: after an empty poll FastStream sleeps for its duration without receiving records.

    A poll returns with the first record, so a longer poll adds no latency and saves 50 idle polls per second.
    """
    poll = client.getmany

    async def getmany(*, timeout_ms: int, max_records: int | None) -> dict[TopicPartition, list[Any]]:
        return await poll(timeout_ms=max(timeout_ms, _POLL_MS), max_records=max_records)

    client.getmany = getmany  # pyrefly: ignore[method-assign, bad-assignment]
    return client


async def _keep_raw(records: Any) -> StreamMessage[Any]:
    """Keep the records unparsed. FastStream's parser raises on a header that is null or not UTF-8, losing the batch."""
    return StreamMessage(raw_message=records, body=records)


async def _raw_records(message: StreamMessage[Any]) -> Any:
    return message.raw_message
