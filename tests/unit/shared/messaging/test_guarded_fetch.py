"""The fetcher of aiokafka reads through our classes, and they still fit into it."""

import inspect

import aiokafka.consumer.fetcher as fetcher
import pytest
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.record.memory_records import MemoryRecords

from onboarding_shared.messaging import guarded_fetch
from onboarding_shared.messaging.guarded_fetch import FetchedBytes, GuardedRecords, UnreadableRecord
from tests.support import hostile
from tests.support.function_calls import CountedCalls

PLACE = TopicPartition("topic", 2)
WRONG = hostile.batch([hostile.record(b"x")], crc=1, base=1)


def fetched(
    data: bytes, position: int = 0, aborted: list[tuple[int, int]] | None = None
) -> tuple[list[ConsumerRecord[bytes, bytes]], int]:
    """The records of a response and the position after it."""
    records = GuardedRecords(PLACE, FetchedBytes(data), aborted, position, None, None, True, 0)
    return list(records), records.next_fetch_offset


@pytest.fixture(autouse=True)
def _no_earlier_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded_fetch, "_failures", {})


def test_aiokafka_reads_responses_through_the_replaced_classes() -> None:
    guarded_fetch.install()
    source = inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "records = MemoryRecords(part_data[-1])" in source
    assert "if records.has_next():" in source
    assert "partition_records = PartitionRecords(\n" in source
    assert (fetcher.MemoryRecords, fetcher.PartitionRecords) == (FetchedBytes, GuardedRecords)
    assert "self._partition_records.next_fetch_offset" in inspect.getsource(fetcher.FetchResult)


def test_the_replaced_class_of_aiokafka_has_the_expected_arguments() -> None:
    source = inspect.getsource(fetcher)
    arguments = ("tp", "records", "aborted_transactions", "fetch_offset", "key_deserializer")
    assert (
        "class PartitionRecords:\n    def __init__(\n        self,\n        " + ",\n        ".join(arguments) in source
    )
    assert {"has_next", "size_in_bytes"} <= set(dir(MemoryRecords))


def test_a_readable_record_is_the_one_that_aiokafka_makes() -> None:
    records, position = fetched(hostile.batch([hostile.record(b"v", key=b"k", headers=[(b"a", b"b")])]))
    assert records == [ConsumerRecord("topic", 2, 0, 0, 0, b"k", b"v", None, 1, 1, (("a", b"b"),))]
    assert position == 1


def test_records_before_a_damaged_batch_are_handed_over_once() -> None:
    records, position = fetched(hostile.batch([hostile.record(b"a")]) + WRONG)
    assert ([record.value for record in records], position) == ([b"a"], 1)


def test_a_batch_with_a_wrong_checksum_is_put_aside_at_the_third_fetch() -> None:
    assert fetched(WRONG, 1) == ([], 1)
    assert fetched(WRONG, 1) == ([], 1)
    (record,), position = fetched(WRONG, 1)
    assert isinstance(record, UnreadableRecord)
    assert (record.reason_code, record.offset, record.value) == ("CHECKSUM_WRONG", 1, WRONG)
    assert position == 2


def test_many_damaged_batches_are_put_aside_at_the_same_fetch() -> None:
    log = b"".join(hostile.batch([hostile.record(b"x")], crc=1, base=offset) for offset in range(5))
    assert [fetched(log) for _ in range(2)] == [([], 0), ([], 0)]
    records, position = fetched(log)
    assert ([record.offset for record in records], position) == ([0, 1, 2, 3, 4], 5)


def test_a_batch_cannot_be_put_aside_before_its_third_fetch() -> None:
    second = hostile.batch([hostile.record(b"x")], crc=1, base=1)
    fetched(hostile.batch([hostile.record(b"x")], crc=1))
    for _ in range(2):
        records, position = fetched(hostile.batch([hostile.record(b"x")], crc=1) + second)
    assert ([record.offset for record in records], position) == ([0], 1)


def test_a_batch_with_a_wrong_checksum_cannot_make_a_consumer_jump() -> None:
    wrong = hostile.batch([hostile.record(b"x")], crc=1, last=2**31 - 1)
    for _ in range(2):
        fetched(wrong)
    assert fetched(wrong)[1] == 1


def test_empty_bytes_hold_nothing() -> None:
    assert not FetchedBytes(None).has_next()
    assert not FetchedBytes(b"").has_next()


MARKER = hostile.TRANSACTIONAL | hostile.CONTROL
ABORT, COMMIT = b"\x00\x00\x00\x00", b"\x00\x00\x00\x01"


def of_transaction(offset: int, value: bytes, producer: int = 7) -> bytes:
    return hostile.batch([hostile.record(value)], attributes=hostile.TRANSACTIONAL, base=offset, producer=producer)


def marker(offset: int, key: bytes, producer: int = 7) -> bytes:
    return hostile.batch([hostile.record(b"", key=key)], attributes=MARKER, base=offset, producer=producer)


def test_records_of_an_aborted_transaction_are_passed() -> None:
    log = [
        of_transaction(0, b"aborted"),
        of_transaction(1, b"of another producer", 8),
        hostile.batch([hostile.record(b"plain")], base=2, producer=7),
        marker(3, ABORT),
        of_transaction(4, b"later"),
        marker(5, COMMIT),
        marker(6, COMMIT, 8),
    ]
    records, position = fetched(b"".join(log), 0, [(7, 0)])
    assert [record.value for record in records] == [b"of another producer", b"plain", b"later"]
    assert position == 7


def test_a_transaction_is_aborted_from_its_first_offset_on() -> None:
    log = [of_transaction(0, b"committed"), marker(1, COMMIT), of_transaction(2, b"aborted"), marker(3, ABORT)]
    records, position = fetched(b"".join(log), 0, [(7, 2)])
    assert ([record.value for record in records], position) == ([b"committed"], 4)


@pytest.mark.parametrize("key", [None, b"", b"\x00\x00\x00", COMMIT])
def test_a_marker_that_is_not_abort_ends_no_aborted_transaction(key: bytes) -> None:
    log = [of_transaction(0, b"a"), marker(1, key), of_transaction(2, b"b")]
    assert fetched(b"".join(log), 0, [(7, 0)]) == ([], 3)


def test_without_aborted_transactions_all_records_are_read() -> None:
    records, _ = fetched(of_transaction(0, b"a") + marker(1, COMMIT))
    assert [record.value for record in records] == [b"a"]


@pytest.mark.parametrize("count", [400, 500, 1000])
def test_a_readable_record_takes_few_calls(count: int) -> None:
    data = hostile.batch([hostile.record(b"x", delta=delta) for delta in range(count)])

    with CountedCalls() as calls:
        records, position = fetched(data)

    assert (len(records), position) == (count, count)
    assert calls.total <= 2 * count + 30


def test_who_stops_in_the_middle_goes_on_there() -> None:
    data = hostile.batch([hostile.record(bytes([65 + delta]), delta=delta) for delta in range(3)])
    records = GuardedRecords(PLACE, FetchedBytes(data), None, 0, None, None, True, 0)

    first = next(iter(records)).value
    position = records.next_fetch_offset

    assert (first, position) == (b"A", 1)
    assert [record.value for record in records] == [b"B", b"C"]
