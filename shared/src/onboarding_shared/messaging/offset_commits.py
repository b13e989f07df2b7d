"""Commits offsets behind the work: records are applied and fetched without waiting for it.

An offset is committed after the transaction of its record, so a death in between only repeats records, which the
inbox drops.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener

from onboarding_shared.messaging.bounded import within

COMMIT_SECONDS = 0.5
"""Time between the first applied record and the commit of its offset, together with those of later records."""
_ANSWER_SECONDS = 10.0
_LEAVE_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class OffsetCommits(ConsumerRebalanceListener):
    """The offsets of one member of a group that are applied and not committed. ``client`` is None while it has none."""

    def __init__(self, group: str) -> None:
        self.client: AIOKafkaConsumer | None = None
        self._group = group
        self._applied: dict[TopicPartition, int] = {}
        self._task: asyncio.Task[None] | None = None
        self._at_once = False

    def connected(self, client: AIOKafkaConsumer) -> None:
        """Commit with this client from now on."""
        self.client = client
        self._applied.clear()
        self._at_once = False

    async def note(self, records: Sequence[ConsumerRecord[Any, Any]]) -> None:
        """Note that these records are applied. Their offsets are committed later, or at once after ``flush``."""
        self._applied.update({TopicPartition(record.topic, record.partition): record.offset + 1 for record in records})
        if self._at_once:
            await self.commit(_LEAVE_SECONDS)
        elif self._task is None:
            self._task = asyncio.create_task(self._commit_later(), name=f"offsets-{self._group}")

    async def flush(self) -> None:
        """Commit now, and from now on at once: the client is about to leave the group."""
        self._at_once = True
        await self.commit(_LEAVE_SECONDS)

    async def commit(self, seconds: float = _ANSWER_SECONDS) -> None:
        """Commit what is applied. After a failure it is committed with the next records; redelivered ones are known."""
        client = self.client
        if client is None:
            return
        offsets, self._applied = self._applied, dict[TopicPartition, int]()
        assigned = client.assignment()
        kept = {partition: offset for partition, offset in offsets.items() if partition in assigned}
        if not kept:
            return
        try:
            await within(seconds, client.commit(kept))
        except Exception as error:
            self._applied = kept | self._applied
            _log.warning("offset_commit_failed", group=self._group, reason=repr(error))

    async def on_partitions_revoked(  # pyrefly: ignore[bad-override]
        self, revoked: set[TopicPartition]
    ) -> None:
        """Commit for the next owner. What is noted must not be committed once another member has moved on."""
        await self.commit(_LEAVE_SECONDS)
        for partition in revoked:
            self._applied.pop(partition, None)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Do nothing: positions come from the committed offsets."""

    async def _commit_later(self) -> None:
        await asyncio.sleep(COMMIT_SECONDS)
        self._task = None
        await self.commit()
