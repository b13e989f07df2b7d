"""Every batch is read or put aside: none raises, none needs more memory than its limit, and each is passed."""

import random
import tracemalloc

import pytest

from onboarding_shared.messaging.record_batches import MAX_BATCH_BYTES, Unreadable, frames, records_of
from tests.support import hostile


def read(data: bytes, position: int = 0) -> list[tuple[int, object]]:
    """The offsets and the values, or the reason codes, of everything in a response."""
    records = [record for frame in frames(data, position) for some in records_of(frame, position) for record in some]
    return [
        (record.offset, record.reason_code if isinstance(record, Unreadable) else record.value) for record in records
    ]


def test_records_are_read_as_they_were_written() -> None:
    data = hostile.batch([hostile.record(b"a"), hostile.record(None, delta=1)], base=5)
    data += hostile.batch([hostile.record(b"c")], base=7)
    assert read(data, 5) == [(5, b"a"), (6, None), (7, b"c")]


def test_reading_in_the_middle_of_a_batch_leaves_out_earlier_records() -> None:
    data = hostile.batch([hostile.record(bytes([65 + delta]), delta=delta) for delta in range(3)])
    assert read(data, 1) == [(1, b"B"), (2, b"C")]


def test_a_header_name_that_is_not_utf8_is_replaced() -> None:
    data = hostile.batch([hostile.record(b"a", headers=[(b"ce_\xff", b"x"), (b"kept", b"y")])])
    ((record,),) = records_of(next(frames(data, 0)), 0)
    assert not isinstance(record, Unreadable)
    assert list(record.headers) == [("ce_\ufffd", b"x"), ("kept", b"y")]


def test_an_invalid_record_harms_only_itself() -> None:
    bad = bytearray(hostile.record(b"b", delta=1))
    bad[-1] = 3  # minus two headers
    data = hostile.batch([hostile.record(b"a"), bytes(bad), hostile.record(b"c", delta=2)])
    assert read(data) == [(0, b"a"), (1, "RECORD_INVALID"), (2, b"c")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (hostile.old_message(b"x", magic=0), "BATCH_INVALID"),
        (hostile.old_message(b"x", magic=1), "BATCH_INVALID"),
        (hostile.old_message(b"x", attributes=hostile.GZIP), "BATCH_INVALID"),
        (hostile.batch([hostile.record(b"x")], magic=9), "BATCH_INVALID"),
        (hostile.batch([hostile.record(b"x")])[:-1], "BATCH_INVALID"),
        (b"\x00\x01", "BATCH_INVALID"),
        (hostile.batch([hostile.record(b"x")], count=7), "RECORD_INVALID"),
        (hostile.batch([hostile.record(b"x")], count=-7), "RECORD_INVALID"),
        (hostile.batch([hostile.record(b"x", delta=900)]), "RECORD_INVALID"),
        (hostile.batch([hostile.record(b"x" * MAX_BATCH_BYTES)]), "BATCH_TOO_LARGE"),
        (hostile.batch([hostile.record(b"x")], attributes=hostile.SNAPPY), "COMPRESSION_UNSUPPORTED"),
        (hostile.batch([hostile.record(b"x")], attributes=hostile.ZSTD), "COMPRESSION_UNSUPPORTED"),
    ],
)
def test_a_batch_that_cannot_be_read_is_one_unreadable_record(data: bytes, reason: str) -> None:
    assert [outcome for _, outcome in read(data) if outcome != b"x"] == [reason]
    assert all(frame.end > 0 for frame in frames(data, 0))


def test_an_unreadable_batch_is_passed_as_a_whole() -> None:
    records = [hostile.record(b"x", delta=delta) for delta in range(4)]
    data = hostile.batch(records, attributes=hostile.LZ4, base=10) + hostile.batch([hostile.record(b"y")], base=14)
    assert read(data, 11) == [(13, "COMPRESSION_UNSUPPORTED"), (14, b"y")]


def test_a_control_batch_has_no_records_and_is_passed() -> None:
    data = hostile.batch([hostile.record(b"", key=b"\0\0\0\1")], attributes=hostile.CONTROL)
    assert read(data) == []
    assert next(frames(data, 0)).end == 1


def test_a_packed_batch_is_read() -> None:
    assert read(hostile.batch([hostile.record(b"a")], attributes=hostile.GZIP)) == [(0, b"a")]


def test_a_compression_bomb_is_unpacked_to_the_limit_only() -> None:
    bomb = hostile.batch([hostile.record(bytes(100 * 1024 * 1024))], attributes=hostile.GZIP)
    tracemalloc.start()
    try:
        outcome = read(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert outcome == [(0, "BATCH_TOO_LARGE")]
    assert peak < 4 * MAX_BATCH_BYTES


def test_an_incomplete_batch_after_another_is_left_for_the_next_fetch() -> None:
    whole = hostile.batch([hostile.record(b"a")])
    assert read(whole + whole[:20]) == [(0, b"a")]


@pytest.mark.parametrize("seed", range(20))
def test_no_mutation_raises_or_stays_in_the_way(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(200):
        original = hostile.batch([hostile.record(b"v" * 40, key=b"42", headers=[(b"ce_id", b"x")])], base=3)
        mutation = hostile.mutated(original, chance)
        read(mutation, 3)
        assert max(frame.end for frame in frames(mutation, 3)) > 3


def test_records_before_and_after_an_invalid_one_are_read_in_any_number() -> None:
    bad = bytearray(hostile.record(b"b", delta=600))
    bad[-1] = 3  # minus two headers
    records = [hostile.record(b"a", delta=delta) for delta in range(600)]
    data = hostile.batch([*records, bytes(bad), hostile.record(b"c", delta=601)])

    assert read(data) == [*((offset, b"a") for offset in range(600)), (600, "RECORD_INVALID"), (601, b"c")]
