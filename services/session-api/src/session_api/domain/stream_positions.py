"""Positions in streams of events: the next offset of each partition, in bytes that every instance can resolve.

They are a version, and for each topic the number of its partitions and the next offset of each, as numbers of seven
bits a byte (LEB128). A position says where to read on, and nothing about what may be read.
"""

from collections.abc import Iterator, Mapping, Sequence

MOST_BYTES = 5_900
"""The id of a longer one would not fit into the headers of a request. With so many partitions a stream has no ids."""
_VERSION = 1
_MOST_OFFSET = 2**63 - 1

Place = tuple[str, int]
"""The name of a topic, and the number of a partition."""


class PositionParts:
    """The parts of a position, of which a record changes one: each event has its position."""

    def __init__(self, topics: Sequence[str]) -> None:
        self._topics = topics
        self._parts: dict[Place, bytes] = {}
        self._content: bytes | None = None
        self._is_current = False

    def begin(self, offsets: Mapping[Place, int]) -> None:
        """Add partitions, in the order of topics and numbers, with the number of each topic's before its first one."""
        places = sorted({*self._of_partitions(), *offsets}, key=lambda place: (self._topics.index(place[0]), place[1]))
        known = self._parts | {place: _number(offset) for place, offset in offsets.items()}
        self._parts = {("", 0): _number(_VERSION)}
        for topic in self._topics:
            of_topic = [place for place in places if place[0] == topic]
            self._parts[topic, -1] = _number(len(of_topic))
            self._parts |= {place: known[place] for place in of_topic}
        self._is_current = False

    def move(self, place: Place, offset: int) -> None:
        """The next offset of a partition is this one."""
        self._parts[place] = _number(offset)
        self._is_current = False

    def clear(self) -> None:
        """Forget every partition."""
        self._parts.clear()
        self.begin({})

    def content(self) -> bytes | None:
        """The position; None if it would be too long."""
        if not self._is_current:
            content = b"".join(self._parts.values())
            self._content, self._is_current = content if len(content) <= MOST_BYTES else None, True
        return self._content

    def _of_partitions(self) -> list[Place]:
        return [place for place in self._parts if place[0] and place[1] >= 0]


def encoded(offsets: Mapping[Place, int], topics: Sequence[str]) -> bytes | None:
    """Return the bytes of a position; None if they are too many. The partitions of a topic count from 0."""
    parts = PositionParts(topics)
    parts.begin(offsets)
    return parts.content()


def decoded(content: bytes, topics: Sequence[str]) -> dict[Place, int] | None:
    """Return the offsets of a position; None if it is not one of these topics."""
    if len(content) > MOST_BYTES:
        return None
    try:
        numbers = _numbers(content)
        if next(numbers) != _VERSION:
            return None
        offsets = {(topic, number): next(numbers) for topic in topics for number in range(_count(next(numbers)))}
    except (ValueError, StopIteration):
        return None
    return offsets if next(numbers, None) is None else None


def _number(number: int) -> bytes:
    content = bytearray()
    while number > 0x7F:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    content.append(number)
    return bytes(content)


def _numbers(content: bytes) -> Iterator[int]:
    """The numbers one after the other. Raises ``ValueError`` for one that is no offset, or not complete."""
    number = shift = 0
    for byte in content:
        number |= (byte & 0x7F) << shift
        shift += 7
        if number > _MOST_OFFSET or shift > 70:
            raise ValueError("too large")
        if byte < 0x80:
            yield number
            number = shift = 0
    if shift:
        raise ValueError("incomplete")


def _count(number: int) -> int:
    if number > MOST_BYTES:
        raise ValueError("more partitions than a position can have")
    return number
