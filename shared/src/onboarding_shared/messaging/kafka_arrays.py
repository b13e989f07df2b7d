"""Makes aiokafka encode and decode the arrays of its frequent requests with one loop for each array.

aiokafka calls three functions for each field of each partition, which is some hundred calls for a fetch of a topic with
twelve partitions. Here consecutive numbers are one ``struct``, and texts, bytes and arrays are read in the loop of the
array that has them. ``install`` replaces the arrays in the schemas of fetches, publications and offset commits. The
bytes are the same: https://kafka.apache.org/protocol#protocol_types
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.types import Array, Boolean, Bytes, Float64, Int8, Int16, Int32, Int64, Schema, String, UInt32

_NUMBERS: Mapping[object, str] = {
    Int8: "b", Int16: "h", Int32: "i", Int64: "q", UInt32: "I", Float64: "d", Boolean: "?",
}  # fmt: skip
_LENGTH, _SHORT_LENGTH = struct.Struct(">i"), struct.Struct(">h")
_NULL, _SHORT_NULL = _LENGTH.pack(-1), _SHORT_LENGTH.pack(-1)


class UnknownType(Exception):
    """A type whose form this module does not know; its array stays aiokafka's."""


class _Step(NamedTuple):
    """Consecutive fields of an element that are read at once: numbers, or one text, value of bytes or array."""

    numbers: struct.Struct | None = None
    width: int = 1
    """How many fields of the element the step takes."""
    prefix: struct.Struct = _LENGTH
    """The length in front of a text, value of bytes or array."""
    null: bytes = _NULL
    is_text: bool = False
    array: "KafkaArray | None" = None


class KafkaArray:
    """Takes the place of an ``Array`` of aiokafka in a schema."""

    def __init__(self, array: Array) -> None:
        """Raises ``UnknownType``."""
        self.array_of = array.array_of
        self.repr = array.repr
        self._of_structs = isinstance(array.array_of, Schema)
        fields = array.array_of.fields if isinstance(array.array_of, Schema) else (array.array_of,)
        self._steps = tuple(_steps(fields))

    def decode(self, data: BytesIO) -> list[Any] | None:
        """Read the array from where ``data`` stands. Raises ``ValueError`` for anything else."""
        with data.getbuffer() as view:
            try:
                elements, place = self._read(view, data.tell())
            except struct.error as error:
                raise ValueError(f"Buffer underrun decoding an array: {error}") from error
        data.seek(place)
        return elements

    def encode(self, items: Sequence[Any] | None) -> bytes:
        """Return the bytes of the array. Raises ``ValueError`` for values that do not fit."""
        parts: list[bytes] = []
        try:
            self._write(items, parts)
        except struct.error as error:
            raise ValueError(f"The array has a value that does not fit: {error}") from error
        return b"".join(parts)

    def _read(self, view: memoryview, place: int) -> tuple[list[Any] | None, int]:
        """Return the elements of the array at ``place``, and the place after it."""
        (count,) = _LENGTH.unpack_from(view, place)
        place += 4
        if count == -1:
            return None, place
        elements: list[Any] = []
        for _ in range(count):
            values: list[Any] = []
            for numbers, _, prefix, _, is_text, array in self._steps:
                if numbers is not None:
                    values += numbers.unpack_from(view, place)
                    place += numbers.size
                elif array is not None:
                    inner, place = array._read(view, place)
                    values.append(inner)
                else:
                    (length,) = prefix.unpack_from(view, place)
                    place += prefix.size
                    end = place + max(length, 0)
                    if end > len(view):
                        raise ValueError("Buffer underrun decoding an array")
                    content = None if length < 0 else bytes(view[place:end])
                    values.append(content.decode() if is_text and content is not None else content)
                    place = end
            elements.append(tuple(values) if self._of_structs else values[0])
        return elements, place

    def _write(self, items: Sequence[Any] | None, parts: list[bytes]) -> None:
        if items is None:
            parts.append(_NULL)
            return
        parts.append(_LENGTH.pack(len(items)))
        for item in items:
            values = item if self._of_structs else (item,)
            at = 0
            for numbers, width, prefix, null, is_text, array in self._steps:
                value = values[at]
                if numbers is not None:
                    parts.append(numbers.pack(*values[at : at + width]))
                elif array is not None:
                    array._write(value, parts)
                elif value is None:
                    parts.append(null)
                else:
                    content = value.encode() if is_text else value
                    parts += (prefix.pack(len(content)), content)
                at += width
            if at != len(values):
                raise ValueError("Item field count does not match Schema")


def _steps(fields: Sequence[Any]) -> Iterator[_Step]:
    numbers = ""
    for field in fields:
        if field in _NUMBERS:
            numbers += _NUMBERS[field]
            continue
        if numbers:
            yield _Step(numbers=struct.Struct(f">{numbers}"), width=len(numbers))
            numbers = ""
        if field is Bytes:
            yield _Step()
        elif isinstance(field, String) and field.encoding == "utf-8":
            yield _Step(prefix=_SHORT_LENGTH, null=_SHORT_NULL, is_text=True)
        elif type(field) is Array:
            yield _Step(array=KafkaArray(field))
        else:
            raise UnknownType(repr(field))
    if numbers:
        yield _Step(numbers=struct.Struct(f">{numbers}"), width=len(numbers))


def install() -> None:
    """Let every client of this process encode and decode so. May be called repeatedly."""
    for request in (FetchRequest, ProduceRequest, OffsetCommitRequest):
        for version in request._CLASSES:
            for schema in (version.SCHEMA, version.RESPONSE_TYPE.SCHEMA):
                schema.fields = tuple(_replaced(field) for field in schema.fields)


def _replaced(field: Any) -> Any:
    if type(field) is not Array:
        return field
    try:
        return KafkaArray(field)
    except UnknownType:
        return field
