"""The arrays of requests to Kafka have the bytes that aiokafka gives them."""

import random
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.fetch import FetchRequest, FetchResponse_v4
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.types import Array, Bytes, Int8, Int16, Int32, Int64, Schema, String, TaggedFields

from onboarding_shared.messaging.kafka_arrays import KafkaArray, UnknownType, install
from tests.support.function_calls import CountedCalls

BITS = {Int8: 8, Int16: 16, Int32: 32, Int64: 64}


def arrays() -> Iterator[Any]:
    """The arrays of all versions of the requests and their responses, each with its place as the id of the test."""
    install()
    for request in (FetchRequest, ProduceRequest, OffsetCommitRequest):
        for version in request._CLASSES:
            for kind in (version, version.RESPONSE_TYPE):
                for place, field in enumerate(kind.SCHEMA.fields):
                    if isinstance(field, Array | KafkaArray):
                        yield pytest.param(field, id=f"{kind.__name__}-{place}")


def as_aiokafka_has_it(array: KafkaArray) -> Array:
    original = object.__new__(Array)
    original.array_of = array.array_of
    return original


def some_value(field: Any, chance: random.Random) -> Any:
    """A random value of this type."""
    if isinstance(field, Schema):
        return tuple(some_value(inner, chance) for inner in field.fields)
    if isinstance(field, Array):
        return (
            None if chance.random() < 0.1 else [some_value(field.array_of, chance) for _ in range(chance.randrange(4))]
        )
    if isinstance(field, String):
        return chance.choice([None, "", "topic", "größe"])
    if field is Bytes:
        return chance.choice([None, b"", chance.randbytes(20)])
    return chance.randrange(-(2 ** (BITS[field] - 1)), 2 ** (BITS[field] - 1))


@pytest.mark.parametrize("array", [*arrays()])
def test_an_array_has_the_bytes_that_aiokafka_gives_it(array: KafkaArray) -> None:
    assert isinstance(array, KafkaArray)
    original, chance = as_aiokafka_has_it(array), random.Random(7)
    for _ in range(50):
        value = some_value(original, chance)
        data = original.encode(value)
        stream = BytesIO(b"before" + data + b"after")
        stream.seek(6)

        assert array.encode(value) == data
        assert array.decode(stream) == original.decode(BytesIO(data))
        assert stream.read() == b"after"


def test_an_incomplete_array_is_refused_at_every_length() -> None:
    install()
    array = FetchResponse_v4.SCHEMA.fields[1]
    data = array.encode([("topic", [(1, 0, 5, 5, [(1, 2)], b"records")])])

    for length in range(len(data)):
        with pytest.raises(ValueError, match="underrun"):
            array.decode(BytesIO(data[:length]))


@pytest.mark.parametrize("items", [[(1,)], [(1, 2, 3)], [(1, 2**40)], [("1", 2)]])
def test_values_that_do_not_fit_are_refused(items: Any) -> None:
    with pytest.raises(ValueError, match=r"fit|match"):
        KafkaArray(Array(("number", Int32), ("other", Int32))).encode(items)


def test_an_array_of_an_unknown_type_is_left_to_aiokafka() -> None:
    with pytest.raises(UnknownType):
        KafkaArray(Array(("number", Int32), ("tags", TaggedFields)))


def test_a_partition_of_a_response_takes_one_call() -> None:
    install()
    array = FetchResponse_v4.SCHEMA.fields[1]
    data = array.encode([("topic", [(number, 0, 5, 5, None, b"") for number in range(12)])])

    with CountedCalls() as calls:
        array.decode(BytesIO(data))

    assert calls.total <= 12 + 3
