"""Topics as the services create them."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from onboarding_shared.contracts.topics import EVIDENCE, SESSIONS
from onboarding_shared.messaging.kafka import ensure_topics
from onboarding_shared.process.message_settings import KafkaSettings
from tests.support.engines import kafka_broker, kafka_settings


async def test_topics_and_dead_letter_topics_are_created_once_with_partitions() -> None:
    with kafka_broker() as address:
        settings = kafka_settings(address)
        assert sorted(await ensure_topics(settings, [SESSIONS])) == [SESSIONS.name, SESSIONS.dead_letters]
        assert await ensure_topics(settings, [SESSIONS]) == []
        assert await partitions(settings, SESSIONS.name) == 3
        assert await partitions(settings, SESSIONS.dead_letters) == 1


@pytest.mark.parametrize("replicas", [-1, 1])
async def test_the_number_of_replicas_is_configured_or_the_brokers_default(replicas: int) -> None:
    with kafka_broker() as address:
        settings = kafka_settings(address).model_copy(update={"replication_factor": replicas})
        assert len(await ensure_topics(settings, [EVIDENCE])) == 2
        assert await partitions(settings, EVIDENCE.name) == 3


async def partitions(settings: KafkaSettings, topic: str) -> int:
    admin = AIOKafkaAdminClient(**settings.client_options())
    await admin.start()
    try:
        (description,) = await admin.describe_topics([topic])
        return len(description["partitions"])
    finally:
        await admin.close()
