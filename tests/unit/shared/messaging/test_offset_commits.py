"""When which offsets are committed; wrong ones lose records."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from onboarding_shared.messaging import offset_commits
from onboarding_shared.messaging.offset_commits import OffsetCommits


class Client:
    """A member of a group that records its commits."""

    def __init__(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned = frozenset(assigned)
        self.commits: list[dict[TopicPartition, int]] = []

    def assignment(self) -> frozenset[TopicPartition]:
        return self.assigned

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.commits.append(offsets)


A0, A2, B1 = TopicPartition("a", 0), TopicPartition("a", 2), TopicPartition("b", 1)


def record(partition: TopicPartition, offset: int) -> Any:
    return ConsumerRecord(partition.topic, partition.partition, offset, 0, 0, b"42", b"{}", None, 0, 2, ())


BATCH = [record(A0, 10), record(A0, 11), record(A2, 7), record(B1, 3), record(A2, 9)]


def offsets_of(*assigned: TopicPartition) -> tuple[OffsetCommits, Client]:
    offsets, client = OffsetCommits("group"), Client(assigned)
    offsets.connected(client)  # type: ignore[arg-type]
    return offsets, client


async def test_exactly_the_offsets_after_the_batch_are_committed() -> None:
    offsets, client = offsets_of(A0, A2, B1, TopicPartition("a", 5))
    await offsets.note(BATCH)
    await offsets.commit()
    assert client.commits == [{A0: 12, A2: 10, B1: 4}]


async def test_a_partition_that_was_taken_away_meanwhile_is_not_committed() -> None:
    offsets, client = offsets_of(A2)
    await offsets.note(BATCH)
    await offsets.commit()
    assert client.commits == [{A2: 10}]


async def test_batches_share_a_later_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offset_commits, "COMMIT_SECONDS", 0.05)
    offsets, client = offsets_of(A0)
    for offset in (1, 2, 3):
        await offsets.note([record(A0, offset)])
    assert client.commits == []
    await asyncio.sleep(0.2)
    assert client.commits == [{A0: 4}]
    await offsets.note([record(A0, 4)])
    await asyncio.sleep(0.2)
    assert client.commits == [{A0: 4}, {A0: 5}]


async def test_an_applied_batch_does_not_wait_for_a_slow_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offset_commits, "COMMIT_SECONDS", 0.0)
    offsets, client = offsets_of(A0)
    answers: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(client, "commit", lambda _: asyncio.wait_for(answers, 60))
    await offsets.note([record(A0, 1)])
    await asyncio.sleep(0.05)
    await asyncio.wait_for(offsets.note([record(A0, 2)]), 1)
    answers.set_result(None)


async def test_a_client_that_leaves_commits_at_once() -> None:
    offsets, client = offsets_of(A0)
    await offsets.note([record(A0, 1)])
    await offsets.flush()
    await offsets.note([record(A0, 2)])
    assert client.commits == [{A0: 2}, {A0: 3}]


async def test_what_is_revoked_is_committed_before_and_never_again() -> None:
    offsets, client = offsets_of(A0)
    await offsets.note([record(A0, 1)])
    await offsets.on_partitions_revoked({A0})
    await offsets.commit()
    assert client.commits == [{A0: 2}]


async def fails(_: object) -> None:
    raise ConnectionError("planted")


async def test_an_offset_whose_commit_failed_is_committed_later(monkeypatch: pytest.MonkeyPatch) -> None:
    offsets, client = offsets_of(A0, A2)
    monkeypatch.setattr(client, "commit", fails)
    await offsets.note([record(A0, 1), record(A2, 1)])
    await offsets.commit()
    monkeypatch.undo()
    await offsets.note([record(A0, 2)])
    await offsets.commit()
    assert client.commits == [{A0: 3, A2: 2}]


async def test_a_failed_commit_of_a_revoked_partition_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    offsets, client = offsets_of(A0)
    monkeypatch.setattr(client, "commit", fails)
    await offsets.note([record(A0, 1)])
    await offsets.on_partitions_revoked({A0})
    monkeypatch.undo()
    await offsets.commit()
    assert client.commits == []
