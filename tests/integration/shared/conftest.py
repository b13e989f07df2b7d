"""A database with nothing but the messaging tables, and topics of this test's own broker."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from onboarding_shared.messaging.schema import MESSAGING_TABLES_V1
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.service_settings import KafkaSettings
from tests.support import engines


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    connection = await asyncpg.connect(database_url)
    await connection.execute(MESSAGING_TABLES_V1)
    await connection.close()
    database = Database(database_url, application_name="test")
    yield database
    await database.close()


@pytest.fixture
def kafka_settings(kafka: str) -> KafkaSettings:
    return engines.kafka_settings(kafka)
