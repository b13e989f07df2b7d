"""The verdicts of the watchdog of a consumer, with a clock that the test advances."""

from aiokafka import TopicPartition

from onboarding_shared.messaging.progress import AssignmentTimeout, ConsumerProgress, Verdict, beyond_end

ONE, TWO = TopicPartition("onboarding.sessions.v1", 0), TopicPartition("onboarding.sessions.v1", 1)


class Clock:
    """Monotonic seconds that the test advances."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def watched() -> tuple[ConsumerProgress, Clock]:
    clock = Clock()
    return ConsumerProgress(clock=clock), clock


def test_an_idle_consumer_without_waiting_records_is_fine() -> None:
    progress, clock = watched()
    for _ in range(100):
        assert progress.observe({ONE: (7, 7)}) is Verdict.FINE
        clock.advance(60)
    assert progress.lag == 0
    assert progress.seconds_still == 0.0


def test_a_consumer_with_waiting_records_is_stuck_after_fifteen_seconds() -> None:
    progress, clock = watched()
    assert progress.observe({ONE: (7, 9)}) is Verdict.FINE
    clock.advance(15)
    assert progress.observe({ONE: (7, 9)}) is Verdict.FINE
    clock.advance(0.1)
    assert progress.observe({ONE: (7, 9)}) is Verdict.STUCK
    assert progress.lag == 2


def test_records_that_arrive_late_give_the_consumer_its_whole_time() -> None:
    progress, clock = watched()
    progress.observe({ONE: (7, 7)})
    clock.advance(3600)
    progress.observe({ONE: (7, 7)})
    clock.advance(2)
    assert progress.observe({ONE: (7, 8)}) is Verdict.FINE
    clock.advance(12)
    assert progress.observe({ONE: (7, 8)}) is Verdict.FINE


def test_a_moving_position_is_progress_even_with_growing_lag() -> None:
    progress, clock = watched()
    for step in range(20):
        assert progress.observe({ONE: (step, 1000 + 10 * step)}) is Verdict.FINE
        clock.advance(14)


def test_progress_on_one_partition_counts_for_the_consumer() -> None:
    progress, clock = watched()
    for step in range(20):
        assert progress.observe({ONE: (7, 9), TWO: (step, 100)}) is Verdict.FINE
        clock.advance(14)
    assert progress.lag == 2 + (100 - 19)


def test_a_consumer_busy_with_a_batch_is_not_stuck() -> None:
    progress, clock = watched()
    progress.observe({ONE: (7, 9)})
    progress.batch_began()
    clock.advance(40)
    assert progress.observe({ONE: (7, 9)}) is Verdict.FINE
    progress.batch_ended(applied=False)
    clock.advance(14)
    assert progress.observe({ONE: (7, 9)}) is Verdict.FINE
    clock.advance(2)
    assert progress.observe({ONE: (7, 9)}) is Verdict.STUCK


def test_how_long_records_wait_is_counted_from_the_last_progress() -> None:
    progress, clock = watched()
    progress.observe({ONE: (7, 9)})
    clock.advance(5)
    assert progress.seconds_still == 5.0


def test_only_an_applied_batch_ends_the_wait() -> None:
    progress, clock = watched()
    progress.observe({ONE: (7, 9)})
    clock.advance(5)
    progress.batch_ended(applied=False)
    assert progress.seconds_still == 5.0
    progress.batch_ended(applied=True)
    assert progress.seconds_still == 0.0


def test_the_wait_of_records_outlasts_their_client() -> None:
    progress, clock = watched()
    progress.observe({ONE: (7, 9)})
    clock.advance(20)
    after = progress.successor()
    clock.advance(1)
    assert after.seconds_still == 21.0
    assert after.lags == {ONE.topic: 2}


def test_the_successor_of_a_stuck_client_connects_after_a_batch() -> None:
    progress, clock = watched()
    progress.observe({ONE: (7, 9)})
    clock.advance(16)
    assert progress.observe({ONE: (7, 9)}) is Verdict.STUCK
    assert not progress.connected
    after = progress.successor()
    after.observe({ONE: (7, 9)})
    assert not after.connected
    after.batch_ended(applied=True)
    assert after.connected


def test_the_successor_of_a_stuck_client_connects_without_lag() -> None:
    progress, clock = watched()
    progress.observe({ONE: (7, 9)})
    clock.advance(16)
    progress.observe({ONE: (7, 9)})
    after = progress.successor()
    after.observe({})
    assert not after.connected
    after.observe({ONE: (9, 9)})
    assert after.connected


def test_a_batch_that_never_ends_means_that_its_consumer_hangs() -> None:
    progress, clock = watched()
    progress.observe({ONE: (7, 7)})
    progress.batch_began()
    clock.advance(180)
    assert progress.observe({ONE: (7, 7)}) is Verdict.FINE
    clock.advance(0.1)
    assert progress.observe({ONE: (7, 7)}) is Verdict.STUCK


def test_what_waits_is_known_by_topic() -> None:
    progress, _ = watched()
    progress.observe({ONE: (7, 9), TWO: (1, 4), TopicPartition("onboarding.evidence.v1", 0): (5, 6)})
    assert progress.lags == {"onboarding.sessions.v1": 5, "onboarding.evidence.v1": 1}


def unassigned_until_stuck(clock: Clock, timeout: AssignmentTimeout) -> float:
    """Seconds until a new client that never gets a partition is given up."""
    began = clock.now
    progress = ConsumerProgress(timeout, clock)
    while progress.observe({}) is Verdict.FINE:
        clock.advance(1)
    return clock.now - began


def test_the_assignment_timeout_doubles_up_to_ten_minutes() -> None:
    clock, timeout = Clock(), AssignmentTimeout()
    assert [unassigned_until_stuck(clock, timeout) for _ in range(8)] == [16, 31, 61, 121, 241, 481, 601, 601]


def test_partitions_restore_the_short_assignment_timeout() -> None:
    clock, timeout = Clock(), AssignmentTimeout()
    for _ in range(5):
        unassigned_until_stuck(clock, timeout)
    ConsumerProgress(timeout, clock).observe({ONE: (0, 0)})
    assert unassigned_until_stuck(clock, timeout) == 16


def test_partitions_that_are_reassigned_restart_the_timeout() -> None:
    progress, clock = watched()
    progress.observe({})
    clock.advance(14)
    progress.observe({ONE: (0, 0)})
    clock.advance(14)
    assert progress.observe({}) is Verdict.FINE


def test_a_member_without_partitions_of_one_topic_is_replaced() -> None:
    clock = Clock()
    progress = ConsumerProgress(clock=clock, topics=(ONE.topic, "onboarding.task-commands.v1")).successor()
    assert progress.observe({ONE: (7, 7)}) is Verdict.FINE
    clock.advance(16)
    assert progress.observe({ONE: (7, 7)}) is Verdict.STUCK


def test_a_broker_that_forgot_its_records_leaves_no_lag() -> None:
    progress, _ = watched()
    assert progress.observe({ONE: (500, 3)}) is Verdict.FINE
    assert progress.lag == 0


def test_only_a_position_after_the_end_shows_a_lost_log() -> None:
    assert beyond_end({ONE: (500, 3), TWO: (3, 3)}) == [ONE]


def test_nothing_counts_as_connected_before_kafka_has_answered() -> None:
    progress, _ = watched()
    assert not progress.connected
    progress.observe({})
    assert progress.connected


def test_two_failed_observations_disconnect_and_four_mean_stuck() -> None:
    progress, _ = watched()
    progress.observe({ONE: (1, 1)})
    assert progress.observe_failure() is Verdict.FINE
    assert progress.connected
    assert progress.observe_failure() is Verdict.FINE
    assert not progress.connected
    assert progress.observe_failure() is Verdict.FINE
    assert progress.observe_failure() is Verdict.STUCK


def test_one_answer_makes_up_for_the_questions_in_vain() -> None:
    progress, _ = watched()
    for _ in range(10):
        for _ in range(3):
            assert progress.observe_failure() is Verdict.FINE
        assert progress.observe({ONE: (1, 1)}) is Verdict.FINE
        assert progress.connected
