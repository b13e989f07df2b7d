"""A client of compose's Kafka, run in a container: does what its arguments say, prints what came of each as JSON.

Arguments: user and password (both empty: no login), then one JSON array ``[operation, name]`` for each attempt.
"""

import asyncio
import json
import sys
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from onboarding_devstack.engines.kafka_access import Grant
from onboarding_devstack.engines.kafka_rights import set_rights

ADDRESS = "kafka:9092"
SECONDS = 20.0


class Client:
    """One principal."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        login = {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "SCRAM-SHA-512"}
        login |= {"sasl_plain_username": user, "sasl_plain_password": password}
        self.options: dict[str, Any] = {"bootstrap_servers": ADDRESS, "request_timeout_ms": 5_000}
        self.options |= login if user else {}
        self.administrator = {
            "bootstrap.servers": ADDRESS, "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user, "sasl.password": password,
        }  # fmt: skip

    async def sign_in(self, _: str) -> None:
        producer = AIOKafkaProducer(**self.options)
        try:
            await producer.start()
        finally:
            await producer.stop()

    async def write(self, topic: str) -> None:
        producer = AIOKafkaProducer(**self.options, acks="all")
        await producer.start()
        try:
            await asyncio.wait_for(producer.send_and_wait(topic, b"{}", partition=0), SECONDS)
        finally:
            await producer.stop()

    async def read(self, topic: str) -> None:
        """Without a group."""
        await self._first_record(AIOKafkaConsumer(topic, **self.options, auto_offset_reset="earliest"))

    async def join(self, group: str) -> None:
        """Read as a member of this group, without a trace in it."""
        options = {**self.options, "group_id": group, "enable_auto_commit": False}
        consumer = AIOKafkaConsumer("onboarding.operation-runs.v1", **options, auto_offset_reset="earliest")
        await self._first_record(consumer)

    async def create(self, topic: str) -> None:
        client = AdminClient(self.administrator)
        client.create_topics([NewTopic(topic, 1, 1)])[topic].result(SECONDS)

    async def grant(self, topic: str) -> None:
        """Give itself the right to write."""
        set_rights(AdminClient(self.administrator), [Grant(self.user, ("Write",), "topic", (topic,))])

    @staticmethod
    async def _first_record(consumer: AIOKafkaConsumer) -> None:
        try:
            await consumer.start()
            await asyncio.wait_for(consumer.getone(), SECONDS)
        finally:
            await consumer.stop()


async def main() -> None:
    user, password, *attempts = sys.argv[1:]
    client = Client(user, password)
    for operation, name in map(json.loads, attempts):
        try:
            await getattr(client, operation)(name)
            result = "allowed"
        except KafkaError as error:
            result = type(error).__name__
        except KafkaException as error:
            result = error.args[0].name()
        print(json.dumps([operation, name, result]), flush=True)


asyncio.run(main())
