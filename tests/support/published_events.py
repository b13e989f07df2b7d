"""Events on a broker, published as a service would."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from onboarding_shared.contracts.cloudevents import encode_headers
from onboarding_shared.contracts.message import Message
from onboarding_shared.messaging.kafka import ensure_topics, make_producer
from tests.support.engines import kafka_settings

TIME = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def headers_of(message: Message, sequence: int) -> list[tuple[str, bytes]]:
    return encode_headers(
        message_id=f"m{sequence}",
        source=message.topic.source,
        event_type=message.event_type(),
        time=TIME,
        subject=message.subject,
        tenant_id=message.tenant_id,
        sequence=sequence,
        traceparent=None,
    )


async def publish(address: str, messages: Iterable[Message], *, spoilt: bytes | None = None) -> None:
    """Publish messages in this order, one batch each; before them a record with the value ``spoilt``."""
    messages = list(messages)
    settings = kafka_settings(address)
    await ensure_topics(settings, {message.topic for message in messages})
    producer = make_producer(settings)
    await producer.start()
    try:
        if spoilt is not None:
            headers = headers_of(messages[0], 1)
            await producer.send_and_wait(messages[0].topic.name, spoilt, key=b"1", headers=headers)
        for sequence, message in enumerate(messages, start=1):
            key, value = b"%d" % message.tenant_id, msgspec.json.encode(message)
            await producer.send_and_wait(message.topic.name, value, key=key, headers=headers_of(message, sequence))
    finally:
        await producer.stop()
