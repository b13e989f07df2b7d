"""The latest events of all tenants in memory, from which streams are resumed."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from session_api.domain.live_events import ReloadReason
from session_api.domain.stream_positions import Place, PositionParts, decoded

_ENTRY_BYTES = 400
"""Approximate memory of an entry in bytes, without its frame."""


class Entry(NamedTuple):
    """An event that was read: its number here, its place in Kafka, its tenant and its frame."""

    number: int
    offset: int
    tenant_id: int
    frame: bytes


class EventBuffer:
    """Keeps the latest events, bounded in number and bytes, and how far each partition was read.

    ``floor`` of a partition is the offset from which on all its events are here.
    """

    def __init__(self, topics: Sequence[str], *, most_events: int, most_bytes: int) -> None:
        self.offsets: dict[Place, int] = {}
        self._topics = topics
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._floor: dict[Place, int] = {}
        self._entries: dict[Place, deque[Entry]] = {}
        self._order: deque[Place] = deque()
        self._bytes = 0
        self._number = 0
        self._position = PositionParts(topics)
        self._position.begin({})

    def begin(self, starts: Mapping[Place, int]) -> None:
        """Partitions are read from these offsets on."""
        for place, start in starts.items():
            self.offsets[place] = self._floor[place] = start
            self._entries[place] = deque()
        self._position.begin(starts)

    def clear(self) -> None:
        """Forget everything: the offsets count something else from now on."""
        for known in (self.offsets, self._floor, self._entries, self._order):
            known.clear()
        self._bytes = 0
        self._position.clear()

    def position(self) -> bytes | None:
        """How far was read up to now; None if there are too many partitions to say it."""
        return self._position.content()

    def passed(self, place: Place, offset: int) -> None:
        """The record at this offset was read."""
        self.offsets[place] = offset + 1
        self._position.move(place, offset + 1)

    def add(self, place: Place, offset: int, tenant_id: int, frame: bytes) -> None:
        """Keep the event of the record at this offset."""
        self._number += 1
        self._entries[place].append(Entry(self._number, offset, tenant_id, frame))
        self._order.append(place)
        self._bytes += len(frame) + _ENTRY_BYTES
        while len(self._order) > self._most_events or self._bytes > self._most_bytes:
            self._drop_oldest()

    def since(
        self, content: bytes, wants: Callable[[int], bool], *, most: int, most_bytes: int
    ) -> list[bytes] | ReloadReason:
        """The frames after this position for the tenants that ``wants`` selects, oldest first, or why there are none.

        More than ``most`` of them, or than ``most_bytes`` in all, are too many.
        """
        position = decoded(content, self._topics)
        if position is None:
            return ReloadReason.POSITION_UNKNOWN
        missed: list[Entry] = []
        for place, next_offset in self.offsets.items():
            from_offset = position.get(place, 0)
            if from_offset < self._floor[place]:
                return ReloadReason.POSITION_TOO_OLD
            if from_offset < next_offset:
                missed += self._of_place(place, from_offset, wants)
        if len(missed) > most or sum(len(entry.frame) for entry in missed) > most_bytes:
            return ReloadReason.POSITION_TOO_OLD
        return [entry.frame for entry in sorted(missed, key=lambda entry: entry.number)]

    def ahead(self, content: bytes) -> dict[Place, int]:
        """The offsets of this position that were not read here yet: another instance may have read them."""
        position = decoded(content, self._topics) or {}
        return {place: offset for place, offset in position.items() if offset > self.offsets.get(place, 0)}

    def _of_place(self, place: Place, from_offset: int, wants: Callable[[int], bool]) -> list[Entry]:
        missed: list[Entry] = []
        for entry in reversed(self._entries[place]):
            if entry.offset < from_offset:
                break
            if wants(entry.tenant_id):
                missed.append(entry)
        return missed

    def _drop_oldest(self) -> None:
        place = self._order.popleft()
        entry = self._entries[place].popleft()
        self._bytes -= len(entry.frame) + _ENTRY_BYTES
        self._floor[place] = entry.offset + 1
