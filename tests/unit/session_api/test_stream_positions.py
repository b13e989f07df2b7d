"""Ids of events: any instance reads them, and none believes a wrong one."""

import pytest

from session_api.domain.stream_positions import MOST_CHARACTERS, decoded, encoded

TOPICS = ("sessions", "runs")
OFFSETS = {("sessions", 0): 0, ("sessions", 1): 127, ("runs", 0): 128, ("runs", 1): 2**63 - 1}


def test_an_id_has_the_offset_of_each_partition() -> None:
    text = encoded(OFFSETS, TOPICS)

    assert text is not None
    assert decoded(text, TOPICS) == OFFSETS


def test_an_id_is_short_and_fits_a_line() -> None:
    offsets = {(topic, number): 1_000_000 for topic in TOPICS for number in range(12)}
    text = encoded(offsets, TOPICS)

    assert text is not None
    assert len(text) == 100
    assert text.isascii()
    assert "\n" not in text


def test_a_topic_without_partitions_is_one_without_offsets() -> None:
    text = encoded({("runs", 0): 5}, TOPICS)

    assert text is not None
    assert decoded(text, TOPICS) == {("runs", 0): 5}


def test_too_many_partitions_have_no_id() -> None:
    assert encoded({("runs", number): 2**40 for number in range(2_000)}, TOPICS) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "A", "AgAA", "AQ", "AQAB", "AQABgA", "AQAAAA", "AQAB____________AQ", "AQD__wM", "%%%%", "AQ AA", "ä",
        "A" * 9000,
    ],
    ids=[
        "empty", "not base64", "another version", "no topic", "no offset", "half an offset", "too long", "too large",
        "too many partitions", "other characters", "a space", "not ASCII", "endless",
    ],
)  # fmt: skip
def test_a_made_up_id_is_none(text: str) -> None:
    assert decoded(text, TOPICS) is None
    assert MOST_CHARACTERS < 9000
