"""One service that consumes its own messages."""

from collections.abc import Callable, Sequence

import msgspec
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.session_api import SessionStarted
from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.messaging.consumer import Consumer
from onboarding_shared.messaging.kafka import make_producer
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.messaging.relay import Relay
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.message_settings import KafkaSettings
from tests.support.waiting import eventually


class Loopback:
    """One service that consumes its own messages: outbox, relay, and a consumer that records each message."""

    def __init__(self, database: Database, kafka: KafkaSettings, group: str) -> None:
        self.database = database
        self.kafka = kafka
        self.relay = Relay(database, kafka, source=SESSIONS.source, topics=[SESSIONS])
        self.outbox = Outbox(self.relay.hand_over)
        self.applied: list[tuple[int, int]] = []
        self.fault: Callable[[Received], None] = lambda message: None
        self.consumer = Consumer(kafka, database, self.outbox, group=group, applies={SESSIONS: self.apply})

    async def apply(self, connection: AsyncConnection, messages: Sequence[Received]) -> None:
        for message in messages:
            self.fault(message)
        self.applied += [(message.tenant_id, message.sequence) for message in messages]

    async def send(self, *session_ids: int, tenant_id: int = 4) -> None:
        async with self.database.transaction() as connection:
            await self.outbox.append(
                connection,
                [
                    SessionStarted(tenant_id=tenant_id, session_id=session_id, by_user_id=7)
                    for session_id in session_ids
                ],
            )

    async def dead_letters(self) -> list[str]:
        async with self.database.transaction() as connection:
            rows = await connection.execute(text("SELECT reason_code FROM dead_letters ORDER BY id"))
            return list(rows.scalars())

    async def lag(self) -> int:
        return self.consumer.progress.lag

    async def unpublished(self) -> int:
        async with self.database.transaction() as connection:
            return (await connection.execute(text("SELECT count(*) FROM outbox"))).scalar_one()


async def started(loopback: Loopback) -> AIOKafkaProducer:
    await eventually(lambda: loopback.relay.connected)  # the topics are there
    producer = make_producer(loopback.kafka)
    await producer.start()
    return producer


def record(tenant_id: int, sequence: int) -> dict:
    message = SessionStarted(tenant_id=tenant_id, session_id=sequence, by_user_id=7)
    attributes = {"specversion": "1.0", "id": f"m{sequence}", "source": SESSIONS.source, "type": message.event_type(),
                  "sequence": str(sequence)}  # fmt: skip
    return {
        "topic": SESSIONS.name,
        "key": str(tenant_id).encode(),
        "value": msgspec.json.encode(message),
        "headers": [(f"ce_{name}", value.encode()) for name, value in attributes.items()],
    }
