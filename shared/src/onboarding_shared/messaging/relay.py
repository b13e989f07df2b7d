"""The relay: publishes outbox rows to Kafka, in order per tenant."""

import asyncio
import contextlib
import os
import socket
import time
import uuid
from collections.abc import Iterable, Sequence

import structlog
from aiokafka import AIOKafkaProducer

from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.bounded import within
from onboarding_shared.messaging.kafka import ensure_topics, make_producer
from onboarding_shared.messaging.outbox_rows import OutboxRow, OutboxRows
from onboarding_shared.messaging.publishing import publish
from onboarding_shared.messaging.unpublished import Unpublished
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.group_commit import gather_seconds
from onboarding_shared.process.loop import Loop
from onboarding_shared.process.message_settings import KafkaSettings

LEASE_SECONDS = 10.0
_PUBLISH_SECONDS = 10.0
_METADATA_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class Relay:
    """Publishes messages while it holds the lease; other instances are on standby. Faults are retried indefinitely."""

    def __init__(
        self,
        database: Database,
        kafka: KafkaSettings,
        *,
        source: str,
        topics: Iterable[Topic],
    ) -> None:
        """``source`` is the CloudEvents attribute; ``topics`` are those that this service publishes.

        Topics that the broker lost are created again, by the lease holder only: the embedded broker turns
        concurrent creations into several topics of the same name.
        """
        self._rows = OutboxRows(database, holder=f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}")
        self.unpublished = Unpublished(self._rows)
        self._kafka = kafka
        self._source = source
        self._topics = tuple(topics)
        self._producer: AIOKafkaProducer | None = None
        self._token: int | None = None
        self._lease_ends = 0.0
        self._renew_at = 0.0
        self._check_at = 0.0
        self._loop = Loop("relay", self._turn, count_failure=metrics.RELAY_FAILURES.inc)
        self.standing_by = False

    @property
    def connected(self) -> bool:
        """True if messages can be published: by this instance or by another one."""
        return self.standing_by or self._producer is not None

    def hand_over(self, rows: Sequence[OutboxRow]) -> None:
        """Publish the rows of a commit of this process without waiting for the next poll."""
        if not self.standing_by:
            self.unpublished.put(rows)
            self._loop.wake()

    async def start(self) -> None:
        """Start publishing in the background. Never raises, even if Kafka is unavailable."""
        self._loop.start()

    async def stop(self) -> None:
        """Publish the remaining messages if Kafka responds, and release the lease."""
        with contextlib.suppress(Exception):
            await within(_PUBLISH_SECONDS, self._publish_rest())
        await self._discard_producer()
        with contextlib.suppress(Exception):
            await self._rows.release(self._token)

    async def _publish_rest(self) -> None:
        await self._loop.stop()
        self.unpublished.read_next()
        while await self._publish_batch():
            pass
        await self.unpublished.delete_all(self._token)

    async def _turn(self) -> float:
        """Publish one batch; returns the seconds until the next one."""
        try:
            published = await self._publish_batch()
        except BaseException:
            self.unpublished.start_again()
            raise
        if self.standing_by:
            return LEASE_SECONDS / 4
        if published:
            await asyncio.sleep(gather_seconds(published))
        return self.unpublished.rest

    async def _publish_batch(self) -> int:
        """Publish one batch, and delete earlier ones; returns the number of rows published."""
        self.standing_by = not await self._hold_lease()
        if self.standing_by:
            return 0
        producer = self._producer or await self._connect()
        rows = await self.unpublished.next()
        if rows:
            if time.monotonic() >= self._lease_ends:
                self._give_up("relay_lease_ended")
                return 0
            await self._publish(producer, rows)
            self.unpublished.published(rows)
        delete = self.unpublished.delete_is_due
        if (delete or time.monotonic() >= self._check_at) and not await self._has_topics(producer):
            await self._discard_producer()
            self.unpublished.start_again()
        elif delete and not await self.unpublished.delete_all(self._token):
            self._token = None
            self._give_up("relay_lease_lost")
        return len(rows)

    def _give_up(self, event: str) -> None:
        metrics.LATE_RELAYS.inc()
        _log.warning(event)
        self.unpublished.start_again()

    async def _hold_lease(self) -> bool:
        now = time.monotonic()
        if self._token is not None and now < self._renew_at:
            return True
        token = await self._rows.take_lease(LEASE_SECONDS, self._token)
        if token is None or token != self._token:
            self.unpublished.start_again()
        self._token = token
        self._lease_ends = now + LEASE_SECONDS
        self._renew_at = now + LEASE_SECONDS / 3
        return self._token is not None

    async def _publish(self, producer: AIOKafkaProducer, rows: Sequence[OutboxRow]) -> None:
        """Send rows and wait for all acknowledgements. After a fault the outcome is unknown and the rows remain."""
        try:
            await within(_PUBLISH_SECONDS, publish(producer, rows, self._source))
        except BaseException:
            metrics.PUBLISH_FAILURES.inc()
            await self._discard_producer()
            raise
        metrics.count_by(metrics.PUBLISHED, [row.topic for row in rows])

    async def _has_topics(self, producer: AIOKafkaProducer) -> bool:
        """Check the topics: a broker that lost its data may acknowledge records of a missing topic.

        It is done between the publishing of a row and its deletion, and periodically.
        """
        self._check_at = time.monotonic() + _METADATA_SECONDS
        try:
            cluster = await within(_PUBLISH_SECONDS, producer.client.fetch_all_metadata())
        except Exception as error:
            _log.warning("topics_unknown", reason=repr(error))
            return False
        lost = {topic.name for topic in self._topics} - cluster.topics()
        if lost:
            _log.warning("topics_lost", topics=sorted(lost))
        return not lost

    async def _connect(self) -> AIOKafkaProducer:
        await ensure_topics(self._kafka, self._topics)
        producer = make_producer(self._kafka)
        try:
            await within(_PUBLISH_SECONDS, producer.start())
        except BaseException:
            with contextlib.suppress(Exception):
                await within(1.0, producer.stop())
            raise
        self._producer = producer
        self._check_at = time.monotonic() + _METADATA_SECONDS
        return producer

    async def _discard_producer(self) -> None:
        """Stop the producer: after a failed batch it may never send again."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                await within(1.0, producer.stop())
