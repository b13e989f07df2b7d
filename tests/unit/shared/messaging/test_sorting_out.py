"""However often, late or out of order messages come: each is applied at most once, and in order."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.session_api import CancelTask
from onboarding_shared.messaging.inbox_sequences import SequenceKey, Series
from onboarding_shared.messaging.sorting_out import Partitioned, unbroken
from onboarding_shared.messaging.sorting_out import partition as partition_within

COMMANDS, EVENTS = "onboarding.task-commands.v1", "onboarding.sessions.v1"


WINDOW = 100


def partition(messages: Sequence[Received], last_applied: Mapping[SequenceKey, int]) -> Partitioned:
    return partition_within(messages, last_applied, WINDOW)


def delivered(sequence: int, tenant_id: int = 42, topic: str = COMMANDS) -> Received:
    message = CancelTask(
        tenant_id=tenant_id, run_id=sequence, requested_by=7, requested_at=datetime(2026, 11, 24, tzinfo=UTC)
    )
    return Received(
        message=message,
        topic=topic,
        tenant_id=tenant_id,
        sequence=sequence,
        message_id=f"{topic}/{tenant_id}/{sequence}",
        source="/test",
        time="",
    )


def sequences(messages: Sequence[Received]) -> list[int]:
    return [message.sequence for message in messages]


def test_messages_in_order_are_all_fresh() -> None:
    batch = partition([delivered(1), delivered(2), delivered(3)], {})
    assert sequences(batch.fresh) == [1, 2, 3]
    assert (batch.repeats, batch.missing) == (0, 0)
    assert batch.last == {(42, COMMANDS): 3}


def test_a_batch_delivered_three_times_is_applied_once() -> None:
    batch = partition([delivered(1), delivered(2)] * 3, {})
    assert sequences(batch.fresh) == [1, 2]
    assert (batch.repeats, batch.missing) == (4, 0)


def test_what_was_applied_before_is_dropped() -> None:
    batch = partition([delivered(6), delivered(7), delivered(8)], {(42, COMMANDS): 7})
    assert sequences(batch.fresh) == [8]
    assert (batch.repeats, batch.missing) == (2, 0)


def test_a_late_message_is_dropped_and_counted_as_missing() -> None:
    batch = partition([delivered(1), delivered(3), delivered(2)], {})
    assert sequences(batch.fresh) == [1, 3]
    assert (batch.repeats, batch.missing) == (1, 1)


def test_a_gap_is_counted_with_its_whole_length() -> None:
    batch = partition([delivered(10)], {(42, COMMANDS): 4})
    assert sequences(batch.fresh) == [10]
    assert batch.missing == 5


def test_a_first_sequence_above_one_counts_as_a_gap() -> None:
    assert partition([delivered(3)], {}).missing == 2


def test_tenants_and_topics_count_apart() -> None:
    batch = partition([delivered(1), delivered(1, tenant_id=43), delivered(1, topic=EVENTS)], {(42, EVENTS): 1})
    assert [(message.tenant_id, message.topic) for message in batch.fresh] == [(42, COMMANDS), (43, COMMANDS)]
    assert batch.repeats == 1
    assert batch.last == {(42, COMMANDS): 1, (43, COMMANDS): 1, (42, EVENTS): 1}


def test_the_given_sequences_are_left_alone() -> None:
    before = {(42, COMMANDS): 1}
    partition([delivered(2)], before)
    assert before == {(42, COMMANDS): 1}


def test_a_message_after_the_whole_window_is_fresh() -> None:
    batch = partition([delivered(1), delivered(WINDOW + 2)], {})
    assert sequences(batch.fresh) == [1, WINDOW + 2]
    assert batch.jumps == ()


def test_a_jump_beyond_the_window_moves_no_mark_and_hides_nothing() -> None:
    batch = partition([delivered(1), delivered(2**62), delivered(2), delivered(WINDOW + 4)], {})
    assert sequences(batch.fresh) == [1, 2]
    assert batch.jumps == (1, 3)
    assert batch.last == {(42, COMMANDS): 2}
    assert (batch.repeats, batch.missing) == (0, 0)


def test_messages_that_follow_one_another_are_a_series() -> None:
    messages = [delivered(7), delivered(1, tenant_id=43), delivered(8), delivered(9), delivered(4, topic=EVENTS)]
    assert unbroken(messages) == {
        (42, COMMANDS): Series(7, 9),
        (43, COMMANDS): Series(1, 1),
        (42, EVENTS): Series(4, 4),
    }


@pytest.mark.parametrize("places", [(1, 3), (1, 1), (2, 1), (1, 3, 2), (1, 2, 2, 3), (1, 2**62, 2)])
def test_a_gap_or_a_repeat_breaks_a_series(places: tuple[int, ...]) -> None:
    messages = [*(delivered(place) for place in places), delivered(5, tenant_id=43)]
    assert unbroken(messages) == {(43, COMMANDS): Series(5, 5)}


deliveries = st.lists(
    st.builds(delivered, st.integers(1, 12), st.sampled_from([42, 43]), st.sampled_from([COMMANDS, EVENTS])),
    max_size=40,
)
cuts = st.lists(st.integers(0, 40), max_size=5).map(sorted)
relaxed = settings(deadline=None)


def in_batches(messages: Sequence[Received], places: Sequence[int]) -> tuple[list[Received], int, int]:
    """The applied messages, and the numbers of repeats and gaps, with the deliveries split at these places."""
    last: dict[SequenceKey, int] = {}
    fresh: list[Received] = []
    repeats = missing = 0
    for start, end in pairwise([0, *places, len(messages)]):
        batch = partition(messages[start:end], last)
        last = batch.last
        fresh += batch.fresh
        repeats += batch.repeats
        missing += batch.missing
    return fresh, repeats, missing


@relaxed
@given(deliveries, cuts)
def test_each_message_is_applied_at_most_once_and_in_order(messages: list[Received], places: list[int]) -> None:
    fresh, _, _ = in_batches(messages, places)
    for key in {(message.tenant_id, message.topic) for message in messages}:
        applied = [message.sequence for message in fresh if (message.tenant_id, message.topic) == key]
        assert applied == sorted(set(applied))


@relaxed
@given(deliveries, cuts)
def test_how_deliveries_fall_into_batches_makes_no_difference(messages: list[Received], places: list[int]) -> None:
    places = [place for place in places if place <= len(messages)]
    assert in_batches(messages, places) == in_batches(messages, [])


@relaxed
@given(deliveries)
def test_every_delivery_is_applied_or_counted_as_repeated(messages: list[Received]) -> None:
    batch = partition(messages, {})
    assert len(batch.fresh) + batch.repeats == len(messages)


@relaxed
@given(deliveries)
def test_what_is_missing_is_what_was_passed_over(messages: list[Received]) -> None:
    batch = partition(messages, {})
    assert batch.missing == sum(batch.last.values()) - len(batch.fresh)


@relaxed
@given(st.lists(st.integers(1, 4), min_size=1, max_size=12), st.integers(0, 12), cuts)
def test_an_ordered_stream_with_any_repeats_is_applied_whole(repeats: list[int], back: int, places: list[int]) -> None:
    """The relay publishes in order; a retry sends some of the last rows again, in order, any number of times."""
    stream: list[Received] = []
    for sequence, times in enumerate(repeats, start=1):
        for _ in range(times):
            stream += [delivered(earlier) for earlier in range(max(1, sequence - back), sequence + 1)]
    fresh, dropped, missing = in_batches(stream, [place for place in places if place <= len(stream)])
    assert sequences(fresh) == list(range(1, len(repeats) + 1))
    assert missing == 0
    assert dropped == len(stream) - len(repeats)
