"""Positions in streams: every instance reads them, and none believes a wrong one."""

import pytest

from session_api.domain.stream_positions import MOST_BYTES, decoded, encoded

TOPICS = ("sessions", "runs")
OFFSETS = {("sessions", 0): 0, ("sessions", 1): 127, ("runs", 0): 128, ("runs", 1): 2**63 - 1}


def test_a_position_has_the_offset_of_each_partition() -> None:
    content = encoded(OFFSETS, TOPICS)

    assert content is not None
    assert decoded(content, TOPICS) == OFFSETS


def test_a_position_of_many_partitions_is_short() -> None:
    offsets = {(topic, number): 1_000_000 for topic in TOPICS for number in range(12)}
    content = encoded(offsets, TOPICS)

    assert content is not None
    assert len(content) == 75


def test_a_topic_without_partitions_is_one_without_offsets() -> None:
    content = encoded({("runs", 0): 5}, TOPICS)

    assert content is not None
    assert decoded(content, TOPICS) == {("runs", 0): 5}


def test_too_many_partitions_have_no_position() -> None:
    assert encoded({("runs", number): 2**40 for number in range(2_000)}, TOPICS) is None


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\x02\0\0", b"\1", b"\1\0\1", b"\1\0\1\x80", b"\1\0\0\0",
        b"\1\0\1" + b"\xff" * 9 + b"\1", b"\1\0\xff\xff\3",
        b"\0" * 6000,
    ],
    ids=[
        "empty", "another version", "no topic", "no offset", "half an offset", "too long", "too large",
        "too many partitions", "endless",
    ],
)  # fmt: skip
def test_made_up_bytes_are_no_position(content: bytes) -> None:
    assert decoded(content, TOPICS) is None
    assert MOST_BYTES < 6000
