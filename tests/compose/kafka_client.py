"""A client of compose's Kafka, run in a container: does what its arguments say, prints what came of each as JSON.

Arguments: a JSON object with the options of librdkafka, then one JSON array ``[operation, name]`` for each attempt.
"""

import json
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

SECONDS = 20.0


class Client:
    """One principal."""

    def __init__(self, options: dict[str, str]) -> None:
        self.errors: list[KafkaError] = []
        self.options = {**options, "error_cb": self.errors.append}

    def sign_in(self, _: str) -> None:
        """The broker answers who has signed in only."""
        try:
            AdminClient(self.options).list_topics(timeout=5.0)
        except KafkaException:
            raise KafkaException(self.errors[-1]) from None

    def write(self, topic: str) -> None:
        producer, failed = Producer({**self.options, "message.timeout.ms": 15_000}), []
        producer.produce(topic, b"{}", on_delivery=lambda error, _: failed.append(error))
        producer.flush(SECONDS)
        if failed != [None]:
            raise KafkaException(failed[0] if failed else KafkaError(KafkaError._TIMED_OUT))

    def read(self, topic: str) -> None:
        consumer = self._consumer(f"{self.options.get('sasl.username')}-reading")
        consumer.assign([TopicPartition(topic, partition, 0) for partition in range(12)])
        self._first_record(consumer)

    def join(self, group: str) -> None:
        """As a member of this group, in a topic that everybody of these principals may read or write."""
        consumer = self._consumer(group)
        consumer.subscribe(["onboarding.operation-runs.v1"])
        self._first_record(consumer)

    def create(self, topic: str) -> None:
        for done in AdminClient(self.options).create_topics([NewTopic(topic, 1, 1)]).values():
            done.result(SECONDS)

    def grant(self, topic: str) -> None:
        """Give itself the right to write."""
        user = f"User:{self.options.get('sasl.username')}"
        right = AclBinding(
            ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, user, "*", AclOperation.WRITE,
            AclPermissionType.ALLOW,
        )  # fmt: skip
        for done in AdminClient(self.options).create_acls([right]).values():
            done.result(SECONDS)

    def _consumer(self, group: str) -> Consumer:
        options = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
        return Consumer(self.options | options)

    @staticmethod
    def _first_record(consumer: Consumer) -> None:
        record = consumer.poll(SECONDS)
        consumer.close()
        if record is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        if record.error():
            raise KafkaException(record.error())


def main() -> None:
    client = Client(json.loads(sys.argv[1]))
    for argument in sys.argv[2:]:
        operation, name = json.loads(argument)
        try:
            getattr(client, operation)(name)
            result = "allowed"
        except KafkaException as error:
            result = error.args[0].name()
        print(json.dumps([operation, name, result]), flush=True)


main()
