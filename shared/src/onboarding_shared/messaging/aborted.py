"""Finds the batches of aborted transactions in a response to a consumer that reads committed records.

Our services use no transactions, but a topic that is mirrored, or written to by somebody else, may contain some.
https://kafka.apache.org/documentation/#controlbatch
"""

import struct
from collections.abc import Iterable

from onboarding_shared.messaging.lenient_records import lenient_records
from onboarding_shared.messaging.record_batches import HEADER, Frame

_TRANSACTIONAL, _CONTROL = 0x10, 0x20
_MARKER = struct.Struct(">hh")
_ABORT = 0


class AbortedTransactions:
    """The aborted transactions of a response, each with the id of its producer and its first offset."""

    def __init__(self, transactions: Iterable[tuple[int, int]] | None) -> None:
        self._ahead = sorted(((first, producer) for producer, first in transactions or ()), reverse=True)
        self._producers: set[int] = set()

    def contain(self, frame: Frame) -> bool:
        """Return True if no record of the batch may be applied. Expects the batches in the order of the log."""
        while self._ahead and self._ahead[-1][0] <= frame.base_offset:
            self._producers.add(self._ahead.pop()[1])
        if not self._producers or frame.damaged or not frame.intact:
            return False
        header = HEADER.unpack_from(frame.data)
        attributes, producer = header[5], header[9]
        if attributes & _CONTROL:
            if _is_abort(frame):
                self._producers.discard(producer)
            return False
        return bool(attributes & _TRANSACTIONAL) and producer in self._producers


def _is_abort(frame: Frame) -> bool:
    """Return True if this control batch is the marker at the end of an aborted transaction."""
    for _, _, record in lenient_records(bytes(frame.data[HEADER.size :]), 1):
        if record is not None and record.key is not None and len(record.key) >= _MARKER.size:
            return _MARKER.unpack_from(record.key)[1] == _ABORT
    return False
