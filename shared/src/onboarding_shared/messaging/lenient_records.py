"""Reads the records of a batch which aiokafka refuses, one by one: a record that is invalid harms only itself.

Names of headers that are not UTF-8 are read with replacement characters, so such a header is one with another name.
"""

from collections.abc import Iterator
from typing import NamedTuple

_MAX_VARINT_BYTES = 10
_MAX_HEADERS = 10_000


class LenientRecord(NamedTuple):
    """The content of a record."""

    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class _Invalid(Exception):
    """The bytes are no record."""


def lenient_records(data: bytes, count: int) -> Iterator[tuple[int, bytes, LenientRecord | None]]:
    """Return the offset within the batch, the bytes and the content of each record; no content if it is invalid.

    Ends before ``count`` records where the length of a record is invalid, because the next one cannot be located.
    """
    start = 0
    for index in range(count):
        try:
            length, begin = _varint(data, start)
        except _Invalid:
            return
        end = begin + length
        if length <= 0 or end > len(data):
            return
        raw = data[begin:end]
        try:
            delta, record = _record(raw)
        except _Invalid:
            yield index, raw, None
        else:
            yield delta, raw, record
        start = end


def _record(raw: bytes) -> tuple[int, LenientRecord]:
    _, place = _varint(raw, 1)  # after the attributes: the time
    delta, place = _varint(raw, place)
    key, place = _bytes(raw, place)
    value, place = _bytes(raw, place)
    count, place = _varint(raw, place)
    if not 0 <= count <= _MAX_HEADERS:
        raise _Invalid
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        name, place = _bytes(raw, place)
        content, place = _bytes(raw, place)
        headers.append(((name or b"").decode("utf-8", "replace"), content))
    if place != len(raw):
        raise _Invalid
    return delta, LenientRecord(key, value, headers)


def _bytes(raw: bytes, place: int) -> tuple[bytes | None, int]:
    length, place = _varint(raw, place)
    if length < 0:
        return None, place
    if place + length > len(raw):
        raise _Invalid
    return raw[place : place + length], place + length


def _varint(raw: bytes, place: int) -> tuple[int, int]:
    """Decode a zigzag number of at most ten bytes; also returns the place after it."""
    number = 0
    for index in range(_MAX_VARINT_BYTES):
        if place + index >= len(raw):
            raise _Invalid
        byte = raw[place + index]
        number |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return (number >> 1) ^ -(number & 1), place + index + 1
    raise _Invalid
