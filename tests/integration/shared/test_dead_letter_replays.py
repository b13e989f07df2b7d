"""Dead letters are replayed through the path of consumed records, and discarded."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest
from aiokafka import ConsumerRecord
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.dead_letters import DeadLetterState, ReplayOutcome
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.contracts.topics import SESSIONS, TASK_TYPES
from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions, GroupOutcome, dead_letter_actions
from onboarding_shared.messaging.dead_letter_replay import AlreadyHandled, NoSuchLetter, NotReplayable, Replayed
from onboarding_shared.messaging.dead_letter_rows import LetterFilter, StoredLetter
from onboarding_shared.messaging.dead_letter_rules import Obstacle
from onboarding_shared.messaging.inbox import Inbox
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from tests.support.loopback import record

GROUP, WINDOW, ANN = "test", 10, 7
APPLIED, REPEAT = Replayed(ReplayOutcome.APPLIED), Replayed(ReplayOutcome.REPEAT)
ALL = LetterFilter()


class Service:
    """The inbox of a service whose handler fails while it is ``broken``, and the actions on its dead letters."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.broken: set[int] = set()
        self.applied: list[tuple[int, int]] = []
        applies = {SESSIONS: self.apply, TASK_TYPES: self.apply}
        self.inbox = Inbox(database, Outbox(), group=GROUP, applies=applies, window=WINDOW)
        self.letters: DeadLetterActions = dead_letter_actions(
            "session-api", database, Outbox(), group=GROUP, applies=applies, window=WINDOW, run_keys=None
        )

    async def apply(self, _: AsyncConnection, messages: Sequence[Received]) -> None:
        for message in messages:
            if message.sequence in self.broken:
                raise LookupError(f"planted in {message.sequence}")
        self.applied += [(message.tenant_id, message.sequence) for message in messages]

    async def consume(self, *records: Mapping[str, Any]) -> None:
        await self.inbox.take([consumed(offset, **given) for offset, given in enumerate(records)])

    async def stored(self) -> list[StoredLetter]:
        return (await self.letters.list_letters(ALL, before=2**63 - 1, limit=50))[::-1]

    async def audit(self) -> list[dict[str, Any]]:
        async with self.database.transaction() as tx:
            rows = await tx.execute(
                text("SELECT data FROM outbox WHERE topic = 'onboarding.audit.session-api.v1' ORDER BY id")
            )
            return [msgspec.json.decode(data) for (data,) in rows]

    async def mark(self) -> int:
        async with self.database.transaction() as tx:
            return (await tx.execute(text("SELECT last_sequence FROM inbox_sequences"))).scalar_one()


def consumed(offset: int, topic: str, key: bytes, value: bytes, headers: Any) -> ConsumerRecord[bytes, bytes]:
    return ConsumerRecord(
        topic=topic, partition=0, offset=offset, timestamp=0, timestamp_type=0, key=key, value=value, checksum=None,
        serialized_key_size=len(key), serialized_value_size=len(value), headers=tuple(headers),
    )  # fmt: skip


def with_header(given: Mapping[str, Any], name: str, value: bytes) -> dict[str, Any]:
    return {**given, "headers": [(known, value if known == name else held) for known, held in given["headers"]]}


@pytest.fixture
def service(database: Database) -> Service:
    return Service(database)


async def test_a_mended_handler_applies_a_replayed_record(service: Service) -> None:
    service.broken = {1}
    await service.consume(record(4, 1), record(4, 2))
    service.broken = set()

    assert await service.letters.replay(1, ANN) == APPLIED

    assert service.applied == [(4, 2), (4, 1)]
    (letter,) = await service.stored()
    assert (letter.state, letter.replays, letter.acted_by_user_id) == (DeadLetterState.REPLAYED, 1, ANN)
    (event,) = await service.audit()
    assert event.pop("occurred_at")
    assert event == {
        "type": "SessionApiDeadLetterReplayed",
        "tenant_id": 0,
        "by_user_id": 7,
        "dead_letter_id": 1,
        "source_topic": "onboarding.sessions.v1",
        "reason_code": "APPLY_FAILED",
        "outcome": "applied",
    }


async def test_a_replay_advances_no_mark_that_is_ahead(service: Service) -> None:
    service.broken = {1}
    await service.consume(record(4, 1), record(4, 2))
    service.broken = set()
    await service.letters.replay(1, ANN)
    assert await service.mark() == 2


async def test_of_two_operators_at_once_one_replays(service: Service) -> None:
    service.broken = {1}
    await service.consume(record(4, 1))
    service.broken = set()

    outcomes = await asyncio.gather(service.letters.replay(1, ANN), service.letters.replay(1, 8))

    assert sorted(outcomes, key=repr) == sorted([APPLIED, REPEAT], key=repr)
    assert service.applied == [(4, 1)]
    assert len(await service.audit()) == 1


async def test_a_record_that_fails_again_keeps_its_new_reason(service: Service) -> None:
    await service.consume(with_header(record(4, 1), "ce_source", b"/staging"))
    async with service.database.transaction() as tx:
        await tx.execute(text("UPDATE dead_letters SET reason_code = 'MAC_INVALID', detail = 'before'"))

    answer = await service.letters.replay(1, ANN)

    assert isinstance(answer, Replayed)
    assert (answer.outcome, answer.reason_code) == (ReplayOutcome.REJECTED, "SOURCE_FOREIGN")
    (letter,) = await service.stored()
    assert (letter.state, letter.reason_code, letter.replays) == (DeadLetterState.KEPT, "SOURCE_FOREIGN", 1)
    assert letter.detail == answer.detail
    assert [event["outcome"] for event in await service.audit()] == ["rejected"]


async def test_a_handler_that_fails_again_leaves_nothing_but_the_reason(service: Service) -> None:
    service.broken = {1}
    await service.consume(record(4, 1))
    answer = await service.letters.replay(1, ANN)
    assert answer == Replayed(ReplayOutcome.REJECTED, "APPLY_FAILED", "LookupError: planted in 1")
    assert service.applied == []


async def test_a_replayed_jump_is_rejected_and_moves_no_mark(service: Service) -> None:
    await service.consume(record(4, 1), record(4, 50))
    answer = await service.letters.replay(1, ANN)
    assert isinstance(answer, Replayed) and answer.reason_code == "SEQUENCE_JUMPED"
    assert (service.applied, await service.mark()) == ([(4, 1)], 1)


async def test_a_jump_that_was_passed_meanwhile_is_applied(service: Service) -> None:
    await service.consume(record(4, 1), record(4, 50))
    async with service.database.transaction() as tx:
        await tx.execute(text("UPDATE inbox_sequences SET last_sequence = 60"))
    assert await service.letters.replay(1, ANN) == APPLIED
    assert (service.applied, await service.mark()) == ([(4, 1), (4, 50)], 60)


async def test_a_late_announcement_replaces_no_later_one(service: Service) -> None:
    service.broken = {1}
    await service.consume(announcement(1), announcement(2))
    service.broken = set()
    assert await service.letters.replay(1, ANN) == REPEAT
    assert service.applied == [(0, 2)]


def announcement(sequence: int) -> dict[str, Any]:
    given = record(0, sequence)
    message = TaskTypesAnnounced(tenant_id=0, task_types=())
    given = with_header(with_header(given, "ce_source", TASK_TYPES.source.encode()), "ce_type",
                        message.event_type().encode())  # fmt: skip
    return {**given, "topic": TASK_TYPES.name, "value": msgspec.json.encode(message)}


async def test_a_cut_record_cannot_be_replayed(service: Service) -> None:
    await service.consume({**record(4, 1), "value": b"x" * 200_000}, {**record(4, 2), "headers": [("a", b"x" * 2000)]})
    answers = [await service.letters.replay(letter_id, ANN) for letter_id in (1, 2, 3)]
    assert answers == [NotReplayable(Obstacle.CONTENT_CUT), NotReplayable(Obstacle.CONTENT_CUT), NoSuchLetter()]
    assert await service.audit() == []


async def test_a_discarded_record_is_kept_and_not_replayed(service: Service) -> None:
    service.broken = {1}
    await service.consume(record(4, 1))

    answers = [await service.letters.discard(1, ANN), await service.letters.discard(1, 8)]

    assert answers == [None, None]
    assert await service.letters.replay(1, ANN) == AlreadyHandled(DeadLetterState.DISCARDED)
    assert [(letter.state, letter.acted_by_user_id) for letter in await service.stored()] == [("discarded", ANN)]
    (event,) = await service.audit()
    assert (event["type"], event["dead_letter_ids"]) == ("SessionApiDeadLettersDiscarded", [1])


async def test_a_replayed_record_is_not_discarded(service: Service) -> None:
    service.broken = {1}
    await service.consume(record(4, 1))
    service.broken = set()
    await service.letters.replay(1, ANN)
    assert await service.letters.discard(1, ANN) == AlreadyHandled(DeadLetterState.REPLAYED)


async def test_a_failing_record_harms_no_other_of_its_group(service: Service) -> None:
    service.broken = {1, 2, 3}
    await service.consume(*[record(4, number) for number in (1, 2, 3)])
    service.broken = {2}

    done = await service.letters.replay_group(SESSIONS.name, "APPLY_FAILED", ANN)

    assert done == GroupOutcome(replayed=2, rejected=1, remaining=1)
    assert service.applied == [(4, 1), (4, 3)]


async def test_a_bounded_replay_goes_on_where_it_ended(service: Service) -> None:
    service.broken = {1, 2, 3}
    await service.consume(*[record(4, number) for number in (1, 2, 3)])
    service.broken = {1}
    rounds = [await service.letters.replay_group(SESSIONS.name, "APPLY_FAILED", ANN, limit=1) for _ in range(3)]
    assert rounds == [
        GroupOutcome(rejected=1, remaining=3),
        GroupOutcome(replayed=1, remaining=2),
        GroupOutcome(replayed=1, remaining=1),
    ]


async def test_a_group_is_discarded_within_the_limit(service: Service) -> None:
    service.broken = {1, 2, 3}
    await service.consume(*[record(4, number) for number in (1, 2, 3)])
    done = await service.letters.discard_group(SESSIONS.name, "APPLY_FAILED", ANN, limit=2)
    assert done == GroupOutcome(discarded=2, remaining=1)
    assert [letter.state.value for letter in await service.stored()] == ["discarded", "discarded", "kept"]


async def test_groups_count_what_is_kept_by_cause(service: Service) -> None:
    service.broken = {1, 2, 3}
    await service.consume(record(4, 1), record(4, 2), record(4, 3), with_header(record(4, 4), "ce_source", b"/staging"))
    foreign = next(letter.id for letter in await service.stored() if letter.reason_code == "SOURCE_FOREIGN")
    failed = [letter.id for letter in await service.stored() if letter.id != foreign]
    await service.letters.discard(failed[0], ANN)

    groups = await service.letters.list_groups()

    assert [(group.source_topic, group.reason_code, group.count, group.example_id) for group in groups] == [
        ("onboarding.sessions.v1", "APPLY_FAILED", 2, failed[2]),
        ("onboarding.sessions.v1", "SOURCE_FOREIGN", 1, foreign),
    ]


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (LetterFilter(), 3),
        (LetterFilter(source_topic="onboarding.sessions.v1"), 3),
        (LetterFilter(source_topic="onboarding.evidence.v1"), 0),
        (LetterFilter(reason_code="SOURCE_FOREIGN"), 1),
        (LetterFilter(state=DeadLetterState.DISCARDED), 1),
    ],
)
async def test_a_list_has_what_every_filter_allows(service: Service, wanted: LetterFilter, count: int) -> None:
    service.broken = {1, 2}
    await service.consume(record(4, 1), record(4, 2), with_header(record(4, 3), "ce_source", b"/staging"))
    await service.letters.discard_group(SESSIONS.name, "APPLY_FAILED", ANN, limit=1)

    assert len(await service.letters.list_letters(wanted, before=2**63 - 1, limit=50)) == count


async def test_the_content_of_a_dead_letter_is_shown(service: Service) -> None:
    service.broken = {1}
    await service.consume(record(4, 1))
    found = await service.letters.find(1)
    assert found is not None
    assert (found[1].key, found[1].value) == (b"4", record(4, 1)["value"])
    assert dict(found[1].headers)["ce_sequence"] == b"1"
