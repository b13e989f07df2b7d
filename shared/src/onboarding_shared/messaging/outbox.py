"""The outbox: stores outgoing messages in the transaction of the change that they announce."""

import functools
import operator
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
from asyncpg.pgproto.pgproto import UUID
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.cloudevents import rfc3339
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.session_api import RunCommand
from onboarding_shared.messaging.changes import NO_CHANGE, Change
from onboarding_shared.messaging.outbox_rows import OutboxRow
from onboarding_shared.postgres.database import after_commit

_NOW = """to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


@functools.cache
def _append(queries: str, condition: str) -> TextClause:
    return text(f"""
WITH {queries} incoming AS (
    SELECT * FROM unnest(CAST(:message_tenants AS bigint[]), CAST(:message_topics AS text[]),
                         CAST(:message_ids AS uuid[]), CAST(:message_types AS text[]),
                         CAST(:message_subjects AS text[]), CAST(:message_traceparents AS text[]),
                         CAST(:message_data AS bytea[]), CAST(:message_mac_keys AS text[]),
                         CAST(:message_timed AS boolean[]))
        WITH ORDINALITY AS m (tenant_id, topic, message_id, event_type, subject, traceparent, data, mac_key, timed,
                              place)
    WHERE {condition}
), numbered AS (
    INSERT INTO outbox_sequences AS s (tenant_id, topic, last_sequence)
    SELECT tenant_id, topic, count(*) FROM incoming GROUP BY tenant_id, topic ORDER BY tenant_id, topic
    ON CONFLICT (tenant_id, topic) DO UPDATE SET last_sequence = s.last_sequence + excluded.last_sequence
    RETURNING tenant_id, topic, last_sequence
)
INSERT INTO outbox (tenant_id, topic, sequence, message_id, event_type, subject, traceparent, data, mac_key)
SELECT i.tenant_id, i.topic,
       n.last_sequence + 1 - row_number() OVER (PARTITION BY i.tenant_id, i.topic ORDER BY i.place DESC),
       i.message_id, i.event_type, i.subject, i.traceparent,
       CASE WHEN i.timed THEN i.data || convert_to({_NOW} || '"}}', 'UTF8') ELSE i.data END, i.mac_key
FROM incoming i JOIN numbered n USING (tenant_id, topic)
ORDER BY i.place
RETURNING message_id, id, sequence, created_at
""")  # noqa: S608 - no input, only constants


TIME_OF_COMMIT = datetime.min.replace(tzinfo=UTC)
"""Stands in a ``timed`` message for the time of its transaction, which only the database knows."""

MAX_BYTES = 900_000
"""Maximum size of a message: below Kafka's default limit of 1 MiB, which includes the headers."""


class MessageTooLarge(ValueError):
    """A message that Kafka would reject, which would block the relay permanently."""


class Outgoing(msgspec.Struct, frozen=True):
    """A message with its trace context; ``topic`` overrides the topic of the message.

    With ``mac_key`` the relay adds a message authentication code. The last member of a ``timed`` message is
    ``TIME_OF_COMMIT``: the database writes its time there.
    """

    message: Message
    traceparent: str | None = None
    topic: str | None = None
    mac_key: str | None = None
    timed: bool = False


HandOver = Callable[[Sequence[OutboxRow]], None]


class Outbox:
    """Stores outgoing messages in the database. Only the relay publishes them."""

    def __init__(self, hand_over: HandOver | None = None, *, command_keys: RunKeys | None = None) -> None:
        """``hand_over`` gets the rows of each transaction after its commit, so that the relay of this process need not
        read them. Without it the relay of another process finds them. Commands need ``command_keys``, for their MAC.
        """
        self._hand_over = hand_over
        self._command_keys = command_keys

    async def append(
        self, tx: AsyncConnection, messages: Sequence[Message | Outgoing], change: Change = NO_CHANGE
    ) -> list[int]:
        """Number the messages, gapless per tenant and topic, and store them with ``change``, in one round trip.

        Call it last in a transaction: it locks the sequence rows, ordered by tenant id and topic, until the
        commit. Returns the places of the stored messages, from 0. Raises ``MessageTooLarge`` for a message over
        ``MAX_BYTES``.
        """
        if not messages and change is NO_CHANGE:
            return []
        outgoing = [message if isinstance(message, Outgoing) else Outgoing(message) for message in messages]
        data = [_encoder.encode(item.message) for item in outgoing]
        if max(map(len, data), default=0) > MAX_BYTES:
            raise _too_large(outgoing, data)
        columns: dict[str, list[Any]] = {
            "message_tenants": [item.message.tenant_id for item in outgoing],
            "message_topics": [item.topic or item.message.topic.name for item in outgoing],
            "message_ids": _new_ids(len(outgoing)),
            "message_types": [item.message.event_type() for item in outgoing],
            "message_subjects": [item.message.subject for item in outgoing],
            "message_traceparents": [item.traceparent for item in outgoing],
            "message_data": [
                _until_time(encoded) if item.timed else encoded for item, encoded in zip(outgoing, data, strict=True)
            ],
            "message_mac_keys": [
                self._command_key(item.message) if isinstance(item.message, RunCommand) else item.mac_key
                for item in outgoing
            ],
            "message_timed": [item.timed for item in outgoing],
        }
        statement = _append(change.queries, change.condition)
        stored = {row[0]: row for row in (await tx.execute(statement, {**columns, **change.values})).all()}
        if self._hand_over is not None:
            after_commit(tx, partial(self._hand_over, _rows(columns, stored)))
        return [place for place, message_id in enumerate(columns["message_ids"]) if message_id in stored]

    def _command_key(self, command: RunCommand) -> str | None:
        if self._command_keys is None:
            raise ValueError("This outbox has no command_keys: it sends no commands")
        return self._command_keys.key_of(command.tenant_id, command.run_id)


def _rows(columns: Mapping[str, Sequence[Any]], stored: Mapping[UUID, Any]) -> list[OutboxRow]:
    """The rows as the relay would read them: what was to be stored, and what the database added to each."""
    rows: list[OutboxRow] = []
    for tenant, topic, message_id, event_type, subject, traceparent, data, mac_key, timed in zip(
        *columns.values(), strict=True
    ):
        added = stored.get(message_id)
        if added is None:
            continue
        _, row_id, number, created_at = added
        whole = data + rfc3339(created_at).encode() + b'"}' if timed else data
        rows.append(
            OutboxRow(
                row_id, topic, tenant, number, message_id, event_type, subject, traceparent, whole, created_at, mac_key
            )
        )
    return rows


_encoder = msgspec.json.Encoder()
_TIME_AND_END = _encoder.encode(TIME_OF_COMMIT)[1:] + b"}"


def _until_time(encoded: bytes) -> bytes:
    """The beginning of a timed message, up to the quotation mark before the time."""
    if not encoded.endswith(_TIME_AND_END):
        raise ValueError("The last member of a timed message is not TIME_OF_COMMIT")
    return encoded[: -len(_TIME_AND_END)]


_VARIABLE_BITS = (1 << 128) - 1 ^ (0xF << 76) ^ (0x3 << 62)
_VERSION_4_BITS = (0x4 << 76) | (0x2 << 62)


def _new_ids(count: int) -> list[UUID]:
    """Random UUIDs (version 4), of the type of asyncpg, which is made, compared and written in C."""
    random = os.urandom(16 * count)
    numbers = [int.from_bytes(random[place : place + 16], "big") for place in range(0, len(random), 16)]
    return [UUID((number & _VARIABLE_BITS | _VERSION_4_BITS).to_bytes(16, "big")) for number in numbers]


def _too_large(outgoing: Sequence[Outgoing], data: Sequence[bytes]) -> MessageTooLarge:
    """The error that names the largest message."""
    largest, item = max(zip(map(len, data), outgoing, strict=True), key=operator.itemgetter(0))
    return MessageTooLarge(f"{type(item.message).__name__} has {largest} bytes; the maximum is {MAX_BYTES}")
