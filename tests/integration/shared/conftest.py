"""A database with nothing but the messaging tables, and topics of this test's own broker."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from onboarding_shared.messaging.schema import MESSAGING_TABLES_V1, MESSAGING_TABLES_V2, MESSAGING_TABLES_V3
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.message_settings import KafkaSettings
from tests.support import engines
from tests.support.loopback import Loopback


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(MESSAGING_TABLES_V1 + MESSAGING_TABLES_V2 + MESSAGING_TABLES_V3)
    await connection.close()
    database = Database(database_url, application_name="test")
    yield database
    await database.close()


@pytest.fixture
def kafka_settings(kafka: str) -> KafkaSettings:
    return engines.kafka_settings(kafka)


@pytest.fixture
async def own_kafka() -> AsyncIterator[KafkaSettings]:
    """A broker of this test's own: topics start empty."""
    with engines.kafka_broker() as address:
        yield engines.kafka_settings(address)


@pytest.fixture
async def loopback(database: Database, own_kafka: KafkaSettings) -> AsyncIterator[Loopback]:
    loopback = Loopback(database, own_kafka, "test")
    await loopback.relay.start()
    yield loopback
    await loopback.consumer.stop()
    await loopback.relay.stop()
