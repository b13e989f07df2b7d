"""Rights to write and read each topic, on Apache Kafka with logins. It runs with `make test-kafka`."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError, TopicAuthorizationFailedError

from onboarding_devstack.engines.kafka_access import (
    CONSUMED,
    GROUPS,
    KAFKA_UI,
    PRINCIPALS,
    SUBSCRIBER,
    Grant,
    grants,
    grants_of_kafka_ui,
)
from onboarding_devstack.engines.kafka_rights import set_passwords
from onboarding_shared.contracts.topics import ALL_TOPICS, SESSIONS, TASK_COMMANDS, published_by
from onboarding_shared.messaging.kafka import ensure_topics
from tests.support import engines
from tests.support.secured_kafka import FOREIGN, SecuredKafka, secured_kafka

pytestmark = pytest.mark.skipif(engines.chosen().name != "kafka", reason="needs Java and the jars: make test-kafka")

NAMES = tuple(name for topic in ALL_TOPICS for name in (topic.name, topic.dead_letters))


@pytest.fixture(scope="module")
def kafka() -> Iterator[SecuredKafka]:
    with secured_kafka() as kafka:
        asyncio.run(prepared(kafka))
        yield kafka


async def prepared(kafka: SecuredKafka) -> None:
    """Each service creates its topics with its own rights."""
    kafka.give_rights((*grants(), *grants_of_kafka_ui()))
    for service in GROUPS:
        await ensure_topics(kafka.settings(service), published_by(service))


async def writable(kafka: SecuredKafka, principal: str) -> set[str]:
    """The topics on which this principal can write a record."""
    options = kafka.settings(principal).client_options()
    producer = AIOKafkaProducer(**options, acks="all", request_timeout_ms=5_000)
    await producer.start()
    try:
        return {name for name in NAMES if await _writes(producer, name)}
    finally:
        await producer.stop()


async def _writes(producer: AIOKafkaProducer, name: str) -> bool:
    try:
        await asyncio.wait_for(producer.send_and_wait(name, b"x", partition=0), 10)
    except TopicAuthorizationFailedError:
        return False
    return True


async def reads(kafka: SecuredKafka, principal: str, topic: str, group: str) -> bool:
    """True if this principal can fetch the first record of a topic in a group."""
    options = kafka.settings(principal).client_options()
    consumer = AIOKafkaConsumer(topic, **options, group_id=group, auto_offset_reset="earliest")
    try:
        await consumer.start()
        await asyncio.wait_for(consumer.getone(), 20)
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError):
        return False
    finally:
        await consumer.stop()
    return True


@pytest.mark.parametrize("service", GROUPS)
async def test_a_service_writes_its_own_topics_and_dead_letters_only(kafka: SecuredKafka, service: str) -> None:
    own = {topic.name for topic in published_by(service)} | {topic.dead_letters for topic in CONSUMED[service]}
    assert await writable(kafka, service) == own


@pytest.mark.parametrize("principal", [FOREIGN, SUBSCRIBER, KAFKA_UI])
async def test_nobody_else_writes_any_topic(kafka: SecuredKafka, principal: str) -> None:
    assert await writable(kafka, principal) == set()


def test_each_topic_is_written_by_one_principal() -> None:
    for topic in ALL_TOPICS:
        assert [name for name in PRINCIPALS if name in GROUPS and topic in published_by(name)] == [topic.publisher]


@pytest.mark.parametrize(
    ("principal", "topic", "group", "allowed"),
    [
        (SUBSCRIBER, SESSIONS.name, f"{SUBSCRIBER}-billing", True),
        (SUBSCRIBER, SESSIONS.name, GROUPS["session-api"], False),
        (SUBSCRIBER, TASK_COMMANDS.name, f"{SUBSCRIBER}-billing", False),
        (FOREIGN, SESSIONS.name, f"{SUBSCRIBER}-billing", False),
        ("task-runner", TASK_COMMANDS.name, GROUPS["task-runner"], True),
        ("task-runner", SESSIONS.name, GROUPS["task-runner"], False),
        (KAFKA_UI, SESSIONS.name, GROUPS["task-runner"], False),
    ],
)
async def test_only_named_topics_and_groups_are_readable(
    kafka: SecuredKafka, principal: str, topic: str, group: str, allowed: bool
) -> None:
    await ensure_written(kafka, topic)
    assert await reads(kafka, principal, topic, group) == allowed


async def ensure_written(kafka: SecuredKafka, topic: str) -> None:
    producer = AIOKafkaProducer(**kafka.settings("session-api").client_options())
    await producer.start()
    await producer.send_and_wait(topic, b"x")
    await producer.stop()


async def test_kafka_ui_reads_messages_but_no_command(kafka: SecuredKafka) -> None:
    assert await reads_alone(kafka, KAFKA_UI, SESSIONS.name)
    assert not await reads_alone(kafka, KAFKA_UI, TASK_COMMANDS.name)


async def reads_alone(kafka: SecuredKafka, principal: str, topic: str) -> bool:
    """True if this principal can fetch the first record of a topic without a group."""
    await ensure_written(kafka, topic)
    consumer = AIOKafkaConsumer(topic, **kafka.settings(principal).client_options(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        await asyncio.wait_for(consumer.getone(), 20)
    except TopicAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()
    return True


async def test_rights_that_left_the_table_are_withdrawn(kafka: SecuredKafka) -> None:
    right = Grant(FOREIGN, ("Write",), "topic", (SESSIONS.name,))
    kafka.give_rights([right, Grant(FOREIGN, ("Describe",), "topic", (SESSIONS.name,))])
    assert await writable(kafka, FOREIGN) == {SESSIONS.name}

    kafka.give_rights([Grant(FOREIGN, ("Describe",), "topic", (SESSIONS.name,))])
    assert await writable(kafka, FOREIGN) == set()


async def test_a_new_password_replaces_the_old_one(kafka: SecuredKafka) -> None:
    set_passwords(kafka.administrator(), {FOREIGN: "another-password"})
    with pytest.raises(KafkaConnectionError):
        await writable(kafka, FOREIGN)
    set_passwords(kafka.administrator(), {FOREIGN: kafka.passwords[FOREIGN]})
    assert await writable(kafka, FOREIGN) == set()
