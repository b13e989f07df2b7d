"""Reads the record batches of a fetched partition. A batch or record that cannot be read becomes an ``Unreadable``.

https://kafka.apache.org/documentation/#recordbatch
"""

import struct
import zlib
from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from aiokafka.record.default_records import DefaultRecord, DefaultRecordBatch

from onboarding_shared.messaging.lenient_records import lenient_records

MAX_BATCH_BYTES = 2 * 1024 * 1024
"""Maximum length of a batch, also of an unpacked one. Topics are created with a limit of 1 MiB for a batch."""

_RAW_BYTES = 256 * 1024
"""Maximum length of what is handed over of an unreadable batch."""

_FRAME = struct.Struct(">qi")
HEADER = struct.Struct(">qiibIhiqqqhii")
"""The header of a batch; its fields in this order: offset, length, epoch of the leader, format, checksum, attributes,
last offset, first and last time, id and epoch of the producer, first sequence, number of records."""
_ATTRIBUTES_AT = 21
_MAGIC_AT = 16
_CODEC, _CONTROL = 0x07, 0x20
_GZIP = 1
_GZIP_FORMAT = zlib.MAX_WBITS | 16
_LEAST_RECORD_BYTES = 7
_AT_ONCE = 500
"""Maximum number of records that are read before the first of them is handed over."""


class Unreadable(NamedTuple):
    """A record or batch that cannot be read: its bytes as far as they are known, and the violated rule."""

    offset: int
    raw: bytes
    reason_code: str
    detail: str


class Frame(NamedTuple):
    """One batch as it is on the wire; ``end`` is the offset that follows its last record."""

    base_offset: int
    end: int
    data: memoryview
    damaged: str | None
    """The defect that keeps the batch from being read at all."""
    intact: bool = True
    """True if the checksum is right. It is not computed for a batch that is not read."""


def frames(data: bytes, position: int) -> Iterator[Frame]:
    """Split fetched bytes into batches; ``position`` is the offset that was asked for.

    An incomplete batch is the end of the fetched bytes, except at their beginning: there it would be fetched again
    and again. The ``end`` of each batch is greater than ``position``, unless all its records are older.
    """
    view, start = memoryview(data), 0
    while start < len(view):
        base, length = _FRAME.unpack_from(view, start) if len(view) - start >= _FRAME.size else (position, -1)
        stop = start + _FRAME.size + length
        if length < 0 or stop > len(view):
            if start == 0:
                yield Frame(position, position + 1, view, "The batch is incomplete.")
            return
        frame = _frame(base, view[start:stop], position)
        yield frame
        start, position = stop, max(position, frame.end)


def _frame(base: int, data: memoryview, position: int) -> Frame:
    next_offset = max(base, position) + 1
    if len(data) <= _MAGIC_AT or data[_MAGIC_AT] < 2:
        return Frame(base, next_offset, data, "The batch has a format older than Kafka 0.11.")
    if len(data) < HEADER.size or data[_MAGIC_AT] > 2:
        return Frame(base, next_offset, data, "The batch has an unknown format.")
    intact = len(data) > MAX_BATCH_BYTES or bool(DefaultRecordBatch(bytes(data)).validate_crc())
    last: int = HEADER.unpack_from(data)[6]
    plausible = 0 <= last < MAX_BATCH_BYTES // _LEAST_RECORD_BYTES
    end = base + last + 1 if plausible or (intact and last >= 0) else next_offset
    return Frame(base, end, data, None, intact)


def unreadable(frame: Frame, reason_code: str, detail: str, position: int) -> Unreadable:
    """A whole batch as one unreadable record, at its last offset, so that it is passed as a whole."""
    return Unreadable(max(frame.end - 1, position), bytes(frame.data[:_RAW_BYTES]), reason_code, detail)


Records = list[DefaultRecord | Unreadable]


def records_of(frame: Frame, position: int) -> Iterator[Records]:
    """Return the records of a batch from ``position`` on, in lists. Never raises. Control batches have none."""
    try:
        batch = _unpacked(frame)
    except UnusableBatch as error:
        yield [unreadable(frame, error.code, str(error), position)]
        return
    if batch is None:
        return
    next_offset, end = position, frame.end
    for records in _read(batch, frame):
        kept: Records = []
        for record in records:
            offset = record.offset
            if offset < next_offset:
                continue
            if offset >= end:
                kept.append(unreadable(frame, "RECORD_INVALID", f"A record has the offset {offset}.", next_offset))
                yield kept
                return
            next_offset = offset + 1
            kept.append(record)
        if kept:
            yield kept


class UnusableBatch(Exception):
    """No record of the batch can be read; ``code`` identifies the violated rule."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def _unpacked(frame: Frame) -> bytes | None:
    """The batch without compression; ``None`` for a control batch. Raises ``UnusableBatch``."""
    if frame.damaged:
        raise UnusableBatch("BATCH_INVALID", frame.damaged)
    if len(frame.data) > MAX_BATCH_BYTES:
        raise UnusableBatch("BATCH_TOO_LARGE", f"The batch has {len(frame.data)} bytes.")
    header = HEADER.unpack_from(frame.data)
    attributes = header[5]
    if attributes & _CONTROL:
        return None
    codec = attributes & _CODEC
    if codec == 0:
        return bytes(frame.data)
    if codec != _GZIP:
        raise UnusableBatch("COMPRESSION_UNSUPPORTED", f"The batch has the compression codec {codec}.")
    plain = bytearray(frame.data[: HEADER.size])
    struct.pack_into(">h", plain, _ATTRIBUTES_AT, attributes & ~_CODEC)
    return bytes(plain) + _gunzip(frame.data[HEADER.size :])


def _gunzip(packed: memoryview) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_FORMAT)
    try:
        plain = unpacker.decompress(packed, MAX_BATCH_BYTES)
    except zlib.error as error:
        raise UnusableBatch("BATCH_INVALID", f"The batch cannot be unpacked: {error}") from error
    if unpacker.eof:
        return plain
    if len(plain) >= MAX_BATCH_BYTES:
        raise UnusableBatch("BATCH_TOO_LARGE", f"Unpacked, the batch has more than {MAX_BATCH_BYTES} bytes.")
    raise UnusableBatch("BATCH_INVALID", "The compressed batch is incomplete.")


def _read(batch: bytes, frame: Frame) -> Iterator[Records]:
    """Read with the parser of aiokafka, and from the first record that it refuses on, with the lenient one."""
    parser = chain(DefaultRecordBatch(batch))  # the parser itself begins anew at each ``iter``
    taken = 0
    while True:
        records: Records = []
        try:
            records.extend(islice(parser, _AT_ONCE))
        except Exception as error:  # the list has the records before the refused one
            yield records
            yield from _read_leniently(batch, frame, taken + len(records), repr(error))
            return
        if not records:
            return
        taken += len(records)
        yield records


def _read_leniently(batch: bytes, frame: Frame, taken: int, reason: str) -> Iterator[Records]:
    header = HEADER.unpack_from(batch)
    place = -1
    for place, (delta, raw, record) in enumerate(lenient_records(batch[HEADER.size :], header[12])):
        if place < taken:
            continue
        offset = frame.base_offset + delta
        if record is None:
            yield [Unreadable(offset, raw, "RECORD_INVALID", f"The record cannot be read: {reason}")]
        else:
            yield [DefaultRecord(offset, header[7], 0, record.key, record.value, record.headers)]
    if place + 1 < header[12] or header[12] < 1:
        last, detail = max(frame.end - 1, frame.base_offset), f"A record of the batch cannot be read: {reason}"
        yield [Unreadable(last, bytes(frame.data[:_RAW_BYTES]), "RECORD_INVALID", detail)]
