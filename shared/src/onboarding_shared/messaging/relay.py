"""The relay: the one place that publishes. It carries outbox rows to Kafka, in order per tenant."""

import asyncio
import contextlib
import os
import socket
import time
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer

from onboarding_shared.contracts.cloudevents import encode_headers
from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.bounded import within
from onboarding_shared.messaging.kafka import ensure_topics, make_producer
from onboarding_shared.messaging.outbox_rows import OutboxRow, OutboxRows
from onboarding_shared.messaging.spans import sending
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.group_commit import gather_seconds
from onboarding_shared.process.settings import KafkaSettings

_LOOK_SECONDS = 2.0
_CALM_POLL_SECONDS = 0.5
"""Between two looks at an outbox that stays empty: what another instance put there waits this long at most."""

_log = structlog.get_logger(__name__)


class Relay:
    """One instance at a time holds the lease; the others stand by. It never gives up: a fault only delays it."""

    def __init__(
        self,
        database: Database,
        kafka: KafkaSettings,
        *,
        source: str,
        topics: Iterable[Topic],
        batch: int = 1000,
        poll_seconds: float = 0.1,
        lease_seconds: float = 10.0,
        publish_seconds: float = 10.0,
    ) -> None:
        """``source`` is the CloudEvents attribute; ``topics`` are those that this service speaks on.

        They are created again where the broker lost them, by the holder of the lease alone: the embedded broker
        takes two creations at once for two topics of the same name.
        """
        self._rows = OutboxRows(database, holder=f"{socket.gethostname()}/{os.getpid()}/{uuid.uuid4().hex[:8]}")
        self._kafka = kafka
        self._source = source
        self._topics = tuple(topics)
        self._batch = batch
        self._poll_seconds = poll_seconds
        self._lease_seconds = lease_seconds
        self._publish_seconds = publish_seconds
        self._producer: AIOKafkaProducer | None = None
        self._token: int | None = None
        self._lease_ends = 0.0
        self._renew_at = 0.0
        self._look_at = 0.0
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self.standing_by = False

    @property
    def connected(self) -> bool:
        """Whether what this service says gets out: Kafka was reached, or another instance publishes."""
        return self.standing_by or self._producer is not None

    def wake(self) -> None:
        """Say that there is something to publish; polling finds it too, a little later."""
        self._woken.set()

    async def start(self) -> None:
        """Begin to publish in the background. Never raises: Kafka may come later."""
        self._task = asyncio.create_task(self._run(), name="relay")

    async def stop(self) -> None:
        """Publish what is left, if Kafka answers, and give the lease back."""
        self._stopping = True
        self._woken.set()
        if self._task is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._task, self._publish_seconds)
        await self._discard_producer()
        with contextlib.suppress(Exception):
            await self._rows.release(self._token)

    async def _run(self) -> None:
        delay = 0.1
        poll = self._poll_seconds
        while True:
            try:
                published = await self._turn()
                delay = 0.1
                if self._stopping and not published:
                    return
                if published:
                    poll = self._poll_seconds
                    await asyncio.sleep(gather_seconds(published))
                else:
                    await self._rest(poll)
                    poll = min(poll * 2, _CALM_POLL_SECONDS)
            except Exception as error:
                _log.warning("relay_delayed", reason=repr(error), retry_in_seconds=delay)
                if self._stopping:
                    return
                await self._rest(delay)
                delay = min(delay * 2, 5.0)

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), seconds)

    async def _turn(self) -> int:
        """Publish one batch; returns how many rows it had."""
        self._woken.clear()
        if not await self._hold_lease():
            self.standing_by = True
            await self._rest(self._lease_seconds / 4)
            return 0
        self.standing_by = False
        producer = await self._be_connected()
        rows = await self._rows.read(self._batch)
        if not rows:
            return 0
        if time.monotonic() >= self._lease_ends:
            metrics.LATE_RELAYS.inc()
            return 0
        await self._publish(producer, rows)
        if not await self._rows.delete([row.id for row in rows], self._token):
            self._token = None
            metrics.LATE_RELAYS.inc()
            _log.warning("relay_lease_lost", rows=len(rows))
        return len(rows)

    async def _hold_lease(self) -> bool:
        now = time.monotonic()
        if self._token is not None and now < self._renew_at:
            return True
        self._token = await self._rows.take_lease(self._lease_seconds, self._token)
        self._lease_ends = now + self._lease_seconds
        self._renew_at = now + self._lease_seconds / 3
        return self._token is not None

    async def _publish(self, producer: AIOKafkaProducer, rows: Sequence[OutboxRow]) -> None:
        """Returns when Kafka has acknowledged every row; any fault leaves the outcome unknown and the rows here."""
        try:
            await within(self._publish_seconds, self._send(producer, rows))
        except BaseException:
            metrics.PUBLISH_FAILURES.inc()
            await self._discard_producer()
            raise
        metrics.count_by(metrics.PUBLISHED, (row.topic for row in rows))

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[OutboxRow]) -> None:
        with sending(rows) as traceparents:
            records = [self._record(row, trace) for row, trace in zip(rows, traceparents, strict=True)]
            await asyncio.gather(*[await producer.send(**record) for record in records])

    def _record(self, row: OutboxRow, traceparent: str | None) -> dict[str, Any]:
        headers = encode_headers(
            message_id=str(row.message_id),
            source=self._source,
            event_type=row.event_type,
            time=row.created_at,
            subject=row.subject,
            tenant_id=row.tenant_id,
            sequence=row.sequence,
            traceparent=traceparent,
        )
        return {"topic": row.topic, "key": str(row.tenant_id).encode(), "value": row.data, "headers": headers}

    async def _be_connected(self) -> AIOKafkaProducer:
        """A producer, and topics for it. Both are looked at every now and then: a broker that lost its data may
        acknowledge records for a topic it no longer has."""
        due = time.monotonic() >= self._look_at
        if due and self._producer is not None and not await self._has_topics(self._producer):
            await self._discard_producer()
        producer = self._producer or await self._connect()
        if due:
            self._look_at = time.monotonic() + _LOOK_SECONDS
        return producer

    async def _has_topics(self, producer: AIOKafkaProducer) -> bool:
        try:
            cluster = await within(self._publish_seconds, producer.client.fetch_all_metadata())
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
            await within(self._publish_seconds, producer.start())
        except BaseException:
            with contextlib.suppress(Exception):
                await within(1.0, producer.stop())
            raise
        self._producer = producer
        return producer

    async def _discard_producer(self) -> None:
        """A producer whose batch failed may never send again; a new one costs little."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with contextlib.suppress(Exception):
                await within(1.0, producer.stop())
