"""Creates Kafka clients and topics."""

import functools
from collections.abc import Iterable
from typing import Any, Final

import aiokafka.client
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code
from aiokafka.protocol.metadata import MetadataRequest
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from onboarding_shared.contracts.topics import Topic
from onboarding_shared.messaging.bounded import within
from onboarding_shared.process.message_settings import KafkaSettings

TOPIC_CONFIGS = {"compression.type": "uncompressed", "max.message.bytes": "1048588"}
"""Without compression the limit is also that of what a consumer has to hold: 1 MiB and the header of a batch."""

ISOLATION_LEVEL: Final = "read_committed"
"""Of every consumer: what a transaction wrote counts once it is committed, and never if it is aborted."""

_DEAD_LETTER_BYTES = str(256 * 1024 * 1024)
_TOPIC_SECONDS = 20.0

_log = structlog.get_logger(__name__)

# aiokafka requests the creation of unknown topics and has no option to disable it. Such a topic would get the
# broker's partition count instead of the configured one, and the embedded broker could create it twice.
aiokafka.client.MetadataRequest = functools.partial(  # pyrefly: ignore[bad-assignment]
    MetadataRequest, allow_auto_topic_creation=False
)


def make_producer(kafka: KafkaSettings) -> AIOKafkaProducer:
    """Create a producer that waits for every in-sync replica. The caller starts it."""
    return AIOKafkaProducer(
        **kafka.client_options(),
        acks="all",
        enable_idempotence=kafka.enable_idempotence,
        max_batch_size=256 * 1024,
        request_timeout_ms=5_000,
        metadata_max_age_ms=30_000,
        retry_backoff_ms=100,
    )


def faststream_options(kafka: KafkaSettings) -> dict[str, Any]:
    """Client options of a FastStream broker, with its ``security`` objects instead of aiokafka's arguments."""
    options = kafka.client_options()
    use_ssl = str(options.get("security_protocol", "PLAINTEXT")).endswith("SSL")
    context = options.get("ssl_context")
    security: BaseSecurity = BaseSecurity(ssl_context=context, use_ssl=use_ssl)
    if "sasl_mechanism" in options:
        login = {"username": options["sasl_plain_username"], "password": options["sasl_plain_password"]}
        kind = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
        security = kind[options["sasl_mechanism"]](**login, ssl_context=context, use_ssl=use_ssl)
    return {
        "bootstrap_servers": options["bootstrap_servers"],
        "client_id": options.get("client_id"),
        "security": security,
    }


async def ensure_topics(kafka: KafkaSettings, topics: Iterable[Topic]) -> list[str]:
    """Create missing topics and their dead-letter topics; returns the names of the new ones.

    The partition count is fixed at creation: adding partitions later would break the order per key.
    """
    wanted = [
        _new_topic(name, partitions, kafka.replication_factor, configs)
        for topic in topics
        for name, partitions, configs in (
            (topic.name, kafka.topic_partitions, TOPIC_CONFIGS),
            (topic.dead_letters, 1, TOPIC_CONFIGS | {"retention.bytes": _DEAD_LETTER_BYTES}),
        )
    ]
    missing = await within(_TOPIC_SECONDS, _create_missing(kafka, wanted))
    names = [topic.name for topic in missing]
    if names:
        _log.info("topics_created", topics=names, partitions=kafka.topic_partitions)
    return names


def _new_topic(name: str, partitions: int, replicas: int, configs: dict[str, str]) -> NewTopic:
    """Create a topic; as argument aiokafka rejects the replication factor -1, the broker's default (KIP-464)."""
    topic = NewTopic(name, partitions, max(replicas, 1), topic_configs=configs)
    topic.replication_factor = replicas
    return topic


async def _create_missing(kafka: KafkaSettings, wanted: list[NewTopic]) -> list[NewTopic]:
    admin = AIOKafkaAdminClient(**kafka.client_options(), request_timeout_ms=10_000)
    try:
        await admin.start()
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        if missing:
            _check_created(await admin.create_topics(missing))
        return missing
    finally:
        await admin.close()


def _check_created(response: object) -> None:
    for entry in getattr(response, "topic_errors", ()):
        error = for_code(entry[1])
        if entry[1] != 0 and error is not TopicAlreadyExistsError:
            raise error(f"topic {entry[0]} was not created: {entry[2] if len(entry) > 2 else ''}")
