"""Offsets are committed behind the work: a death in between repeats records, which are applied once."""

from collections.abc import Callable, Mapping

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging import consumer, metrics, offset_commits
from onboarding_shared.messaging.offset_commits import OffsetCommits
from onboarding_shared.messaging.progress import ConsumerProgress, Verdict
from tests.support.engines import offsets_at
from tests.support.loopback import Loopback, started
from tests.support.waiting import eventually


async def committed(loopback: Loopback) -> list[int]:
    address, partitions = loopback.kafka.bootstrap_servers, loopback.kafka.topic_partitions
    return await offsets_at(address, "test", SESSIONS.name, partitions)


async def test_a_death_before_the_commit_repeats_what_is_applied_once(
    loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object) -> None:
        return None

    with monkeypatch.context() as patch:
        patch.setattr(OffsetCommits, "commit", dies)
        await loopback.consumer.start()
        await loopback.send(1, 2)
        await eventually(lambda: loopback.applied == [(4, 1), (4, 2)])
        await loopback.consumer.stop()
    repeats = metrics.REPEATS._value.get()
    successor = Loopback(loopback.database, loopback.kafka, "test")
    await successor.consumer.start()
    await loopback.send(3)
    await eventually(lambda: successor.applied == [(4, 3)])
    await eventually(metrics.REPEATS._value.get, equals=repeats + 2)
    assert successor.applied == [(4, 3)]
    await successor.consumer.stop()


async def test_a_consumer_that_stops_has_committed_all(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offset_commits, "COMMIT_SECONDS", 60.0)
    await loopback.consumer.start()
    await loopback.send(1, 2)
    await eventually(lambda: loopback.applied == [(4, 1), (4, 2)])
    await loopback.consumer.stop()
    assert await committed(loopback) == [2]


async def test_offsets_follow_without_further_records(loopback: Loopback) -> None:
    await loopback.consumer.start()
    await loopback.send(1, 2)
    await eventually(lambda: committed(loopback), equals=[2])


async def test_an_offset_of_a_log_that_was_lost_hides_no_record(loopback: Loopback) -> None:
    """A commit on its way to a broker that is replaced by an empty one names an offset that the new log lacks."""
    await (await started(loopback)).stop()
    client = AIOKafkaConsumer(
        bootstrap_servers=loopback.kafka.bootstrap_servers, group_id="test", enable_auto_commit=False
    )
    partitions = [TopicPartition(SESSIONS.name, number) for number in range(loopback.kafka.topic_partitions)]
    client.assign(partitions)
    await client.start()
    await client.commit(dict.fromkeys(partitions, 57))
    await client.stop()
    await loopback.send(1, 2)
    await loopback.consumer.start()
    await eventually(lambda: loopback.applied == [(4, 1), (4, 2)])
    await loopback.send(3)
    await eventually(lambda: loopback.applied == [(4, 1), (4, 2), (4, 3)])


async def test_a_batch_that_was_read_is_not_read_again(loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumer, "_WATCH_SECONDS", 0.05)
    observed: list[None] = []
    monkeypatch.setattr(ConsumerProgress, "observe", _counting(ConsumerProgress.observe, observed))
    repeats = metrics.REPEATS._value.get()
    await loopback.send(1, 2, 3, 4, 5)
    await loopback.consumer.start()
    await eventually(lambda: len(loopback.applied) == 5)
    after = len(observed)
    await eventually(lambda: len(observed) > after + 5)
    await loopback.send(6)
    await eventually(lambda: len(loopback.applied) == 6)
    assert metrics.REPEATS._value.get() == repeats


def _counting(observe: Callable[..., Verdict], observed: list[None]) -> Callable[..., Verdict]:
    def counting(progress: ConsumerProgress, offsets: Mapping[TopicPartition, tuple[int, int]]) -> Verdict:
        observed.append(None)
        return observe(progress, offsets)

    return counting
