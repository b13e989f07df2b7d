"""When a consumer counts as stuck."""

import pytest
from aiokafka import TopicPartition

from onboarding_shared.messaging.progress import Patience, Progress, Verdict

FIRST = TopicPartition("topic", 0)


class Clock:
    """Monotonic seconds that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def unassigned_until_stuck(clock: Clock, patience: Patience) -> float:
    """Seconds until a new client that never gets a partition is given up."""
    began = clock.now
    progress = Progress(patience, clock)
    while progress.asked({}) is Verdict.FINE:
        clock.now += 1.0
    return clock.now - began


def test_a_client_without_partitions_is_given_up_soon_and_then_more_and_more_patiently(clock: Clock) -> None:
    patience = Patience()

    assert [unassigned_until_stuck(clock, patience) for _ in range(8)] == [16, 31, 61, 121, 241, 481, 601, 601]


def test_partitions_restore_the_short_patience(clock: Clock) -> None:
    patience = Patience()
    for _ in range(5):
        unassigned_until_stuck(clock, patience)
    Progress(patience, clock).asked({FIRST: (0, 0)})

    assert unassigned_until_stuck(clock, patience) == 16


def test_a_client_that_has_partitions_and_nothing_to_read_is_fine_for_ever(clock: Clock) -> None:
    progress = Progress(clock=clock)
    for _ in range(1000):
        clock.now += 10.0
        assert progress.asked({FIRST: (5, 5)}) is Verdict.FINE


def test_a_client_that_does_not_read_what_is_there_is_stuck(clock: Clock) -> None:
    progress = Progress(clock=clock)
    assert progress.asked({FIRST: (5, 9)}) is Verdict.FINE
    clock.now += 16.0

    assert progress.asked({FIRST: (5, 9)}) is Verdict.STUCK
    assert progress.lag == 4


def test_a_client_in_the_middle_of_a_batch_is_not_stuck(clock: Clock) -> None:
    progress = Progress(clock=clock)
    progress.asked({FIRST: (5, 9)})
    progress.batch_began()
    clock.now += 60.0

    assert progress.asked({FIRST: (5, 9)}) is Verdict.FINE


def test_a_position_that_moves_is_progress(clock: Clock) -> None:
    progress = Progress(clock=clock)
    for position in range(100):
        clock.now += 14.0
        assert progress.asked({FIRST: (position, 1000)}) is Verdict.FINE


def test_a_kafka_that_does_not_answer_is_no_connection_and_in_the_end_a_broken_client(clock: Clock) -> None:
    progress = Progress(clock=clock)
    progress.asked({FIRST: (0, 0)})

    assert [progress.asked_in_vain() for _ in range(4)] == [Verdict.FINE] * 3 + [Verdict.STUCK]
    assert not progress.connected
