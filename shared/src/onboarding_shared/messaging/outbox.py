"""Outgoing messages, written in the transaction of the change that they tell of."""

import uuid
from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.message import Message
from onboarding_shared.postgres.database import after_commit

_APPEND = text("""
WITH incoming AS (
    SELECT * FROM unnest(CAST(:tenants AS bigint[]), CAST(:topics AS text[]), CAST(:ids AS uuid[]),
                         CAST(:types AS text[]), CAST(:subjects AS text[]), CAST(:traceparents AS text[]),
                         CAST(:data AS bytea[]))
        WITH ORDINALITY AS m (tenant_id, topic, message_id, event_type, subject, traceparent, data, place)
), numbered AS (
    INSERT INTO outbox_sequences AS s (tenant_id, topic, last_sequence)
    SELECT tenant_id, topic, count(*) FROM incoming GROUP BY tenant_id, topic ORDER BY tenant_id, topic
    ON CONFLICT (tenant_id, topic) DO UPDATE SET last_sequence = s.last_sequence + excluded.last_sequence
    RETURNING tenant_id, topic, last_sequence
)
INSERT INTO outbox (tenant_id, topic, sequence, message_id, event_type, subject, traceparent, data)
SELECT i.tenant_id, i.topic,
       n.last_sequence + 1 - row_number() OVER (PARTITION BY i.tenant_id, i.topic ORDER BY i.place DESC),
       i.message_id, i.event_type, i.subject, i.traceparent, i.data
FROM incoming i JOIN numbered n USING (tenant_id, topic)
ORDER BY i.place
""")


MAX_BYTES = 900_000
"""The largest message: below the 1 MiB that Kafka takes by default, with room for the headers."""


class MessageTooLarge(ValueError):
    """A message that Kafka would refuse; kept, it would stand in the relay's way for ever."""


class Outgoing(msgspec.Struct, frozen=True):
    """A message with the trace it belongs to; ``topic`` where it is not the message's own."""

    message: Message
    traceparent: str | None = None
    topic: str | None = None


class Outbox:
    """Where a service puts what it has to say. Only its relay publishes."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """``wake`` is called after each commit that left messages here."""
        self._wake = wake

    async def append(self, connection: AsyncConnection, messages: Sequence[Message | Outgoing]) -> None:
        """Number the messages, gapless per tenant and topic, and keep them; one round trip for any number.

        It locks the tenants' sequence rows in the order of tenant id and topic until the commit, so it comes
        last in a transaction. Raises ``MessageTooLarge`` for a message over ``MAX_BYTES``.
        """
        if not messages:
            return
        outgoing = [one if isinstance(one, Outgoing) else Outgoing(one) for one in messages]
        data = [_encode(one.message) for one in outgoing]
        await connection.execute(
            _APPEND,
            {
                "tenants": [one.message.tenant_id for one in outgoing],
                "topics": [one.topic or one.message.topic.name for one in outgoing],
                "ids": [uuid.uuid4() for _ in outgoing],
                "types": [one.message.event_type() for one in outgoing],
                "subjects": [one.message.subject for one in outgoing],
                "traceparents": [one.traceparent for one in outgoing],
                "data": data,
            },
        )
        after_commit(connection, self._wake)


_encoder = msgspec.json.Encoder()


def _encode(message: Message) -> bytes:
    data = _encoder.encode(message)
    if len(data) > MAX_BYTES:
        raise MessageTooLarge(f"a {type(message).__name__} of {len(data)} bytes; {MAX_BYTES} are the most")
    return data
