"""A mark is moved only where it is wrong: ahead of the publisher, or behind what was passed."""

from hypothesis import given, settings
from hypothesis import strategies as st

from onboarding_shared.messaging.inbox_repair import Seen, repaired

FORGED = 9_000


def log(*sequences: int) -> list[Seen]:
    return [Seen(offset, sequence) for offset, sequence in enumerate(sequences)]


def test_a_mark_ahead_of_the_publisher_returns_to_what_was_passed() -> None:
    assert repaired(FORGED, 5, log(1, 2, FORGED, 3, 4)) == 4


def test_messages_that_are_not_passed_yet_stay_to_be_applied() -> None:
    assert repaired(FORGED, 4, log(1, 2, FORGED, 3, 4)) == 3


def test_what_was_applied_before_the_forged_one_is_not_applied_again() -> None:
    assert repaired(FORGED, 1, log(1, 2, FORGED, 3)) == 2


def test_a_mark_whose_forged_message_is_gone_is_repaired() -> None:
    assert repaired(FORGED, 3, log(7, 8, 9)) == 9


def test_a_mark_far_behind_moves_to_what_was_passed() -> None:
    assert repaired(3, 2, log(50_000, 50_001, 50_002)) == 50_001


def test_a_refused_forged_message_moves_nothing() -> None:
    assert repaired(2, 4, log(1, 2, 2**62, 2**62 + 1)) == 2


def test_without_messages_in_kafka_a_mark_stays() -> None:
    assert repaired(12, 100, []) == 12


def test_a_real_gap_that_was_applied_moves_nothing() -> None:
    assert repaired(41, 5, log(1, 2, 3, 40, 41)) == 41


@settings(deadline=None)
@given(first=st.integers(1, 50), applied=st.integers(1, 20), waiting=st.integers(0, 20), uncommitted=st.integers(0, 20))
def test_a_healthy_mark_stays(first: int, applied: int, waiting: int, uncommitted: int) -> None:
    mark = first + applied - 1
    messages = log(*range(first, first + applied + waiting))
    assert repaired(mark, max(0, applied - uncommitted), messages) == mark
