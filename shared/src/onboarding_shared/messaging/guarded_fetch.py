"""Makes aiokafka's consumer pass records that it cannot read, and hand them over as ``UnreadableRecord``.

aiokafka parses records below every hook that it offers. A header name that is not UTF-8 raises there, at each fetch
again, so the partition stands still on all its consumers; records before it in the same fetch are lost; and a
compressed batch is unpacked without a limit. ``install`` replaces the two classes with which its fetcher reads a
response; a test compares their places in aiokafka with what is expected here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiokafka.consumer.fetcher
import structlog
from aiokafka import ConsumerRecord, TopicPartition

from onboarding_shared.messaging.aborted import AbortedTransactions
from onboarding_shared.messaging.record_batches import Frame, Records, Unreadable, frames, records_of, unreadable

_ATTEMPTS = 3
"""Number of fetches of a batch with a wrong checksum, which may be an error of the transfer."""
_REMEMBERED = 1000

_log = structlog.get_logger(__name__)
_failures: dict[tuple[TopicPartition, int], int] = {}


@dataclass
class UnreadableRecord(ConsumerRecord[bytes, bytes]):
    """A record or batch that could not be read. ``value`` has its bytes as they came."""

    reason_code: str = "RECORD_INVALID"
    detail: str = ""


class FetchedBytes:
    """The bytes of a partition in a response, unparsed. Takes the place of aiokafka's ``MemoryRecords``."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data or b""

    def has_next(self) -> bool:
        """Return True if there is anything to read; an incomplete batch is read too, and put aside."""
        return bool(self.data)

    def size_in_bytes(self) -> int:
        """Length of the fetched bytes."""
        return len(self.data)


class GuardedRecords:
    """Iterates over the records of a partition in a response. Takes the place of aiokafka's ``PartitionRecords``."""

    def __init__(
        self,
        tp: TopicPartition,
        records: FetchedBytes,
        aborted_transactions: Sequence[tuple[int, int]] | None,
        fetch_offset: int,
        *_options: Any,
    ) -> None:
        self.next_fetch_offset = fetch_offset
        """The offset up to which everything was handed over or passed."""
        self._partition = tp
        self._aborted = AbortedTransactions(aborted_transactions)
        self._iterator = self._unpack(records.data)

    def __iter__(self) -> Iterator[ConsumerRecord[bytes, bytes]]:
        """Return the one iterator: who stops in the middle goes on there the next time."""
        return self._iterator

    def __next__(self) -> ConsumerRecord[bytes, bytes]:
        return next(self._iterator)

    def _unpack(self, data: bytes) -> Iterator[ConsumerRecord[bytes, bytes]]:
        fetched = frames(data, self.next_fetch_offset)
        for frame in fetched:
            if not frame.intact and self._is_worth_another_fetch(frame):
                self._count_failures(fetched)
                return
            for records in () if self._aborted.contain(frame) else self._records(frame):
                for record in records:
                    self.next_fetch_offset = record.offset + 1
                    yield (
                        self._put_aside(record)
                        if isinstance(record, Unreadable)
                        else ConsumerRecord(
                            self._partition.topic,
                            self._partition.partition,
                            record.offset,
                            record.timestamp,
                            record.timestamp_type,
                            record.key,
                            record.value,
                            None,
                            -1 if record.key is None else len(record.key),
                            -1 if record.value is None else len(record.value),
                            tuple(record.headers),  # pyrefly: ignore[bad-argument-type]
                        )
                    )
            self.next_fetch_offset = max(self.next_fetch_offset, frame.end)

    def _records(self, frame: Frame) -> Iterable[Records]:
        position = self.next_fetch_offset
        if frame.end <= position:
            return ()
        if not frame.intact:
            return ([unreadable(frame, "CHECKSUM_WRONG", "The checksum of the batch is wrong.", position)],)
        return records_of(frame, position)

    def _is_worth_another_fetch(self, frame: Frame) -> bool:
        place = (self._partition, frame.base_offset)
        failures = _failures.pop(place, 0) + 1
        if failures >= _ATTEMPTS:
            return False
        if len(_failures) >= _REMEMBERED:
            _failures.clear()
        _failures[place] = failures
        _log.warning("batch_damaged", topic=self._partition.topic, partition=self._partition.partition,
                     offset=frame.base_offset, failures=failures)  # fmt: skip
        return True

    def _count_failures(self, later: Iterable[Frame]) -> None:
        """Count this fetch for the damaged batches behind the first one, so that many need no more fetches than one."""
        for frame in later:
            place = (self._partition, frame.base_offset)
            if not frame.intact and len(_failures) < _REMEMBERED:
                _failures[place] = min(_failures.get(place, 0) + 1, _ATTEMPTS - 1)

    def _put_aside(self, record: Unreadable) -> UnreadableRecord:
        size = len(record.raw)
        return UnreadableRecord(
            topic=self._partition.topic,
            partition=self._partition.partition,
            offset=record.offset,
            timestamp=-1,
            timestamp_type=0,
            key=None,
            value=record.raw,
            checksum=None,
            serialized_key_size=-1,
            serialized_value_size=size,
            headers=(),
            reason_code=record.reason_code,
            detail=record.detail,
        )


def install() -> None:
    """Let every consumer of this process read with the guarded classes. May be called repeatedly."""
    fetcher = aiokafka.consumer.fetcher
    fetcher.MemoryRecords = FetchedBytes  # pyrefly: ignore[bad-assignment]
    fetcher.PartitionRecords = GuardedRecords  # pyrefly: ignore[bad-assignment]
