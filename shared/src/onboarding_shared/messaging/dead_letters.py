"""Dead letters: stores a rejected record as a row and publishes it on the dead-letter topic."""

import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import structlog
from aiokafka import ConsumerRecord
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.dead_letters import DeadLettered
from onboarding_shared.contracts.topics import TASK_COMMANDS
from onboarding_shared.contracts.types import PLATFORM_TENANT
from onboarding_shared.messaging import metrics
from onboarding_shared.messaging.dead_letter_rules import (
    HEADER_BYTES,
    HEADERS_KEPT,
    KEY_BYTES,
    NAME_LENGTH,
    VALUE_BYTES,
    fingerprint,
)
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import after_commit

KEPT_BYTES = 256 * 1024
"""Maximum length of what is kept of a record, and published: the value, the key and the headers."""

_RUN_KEY = re.compile(rb'("run_key"\s*:\s*)"[^"]*"')
_DETAIL_LENGTH = 3900

_KEEP = text("""
INSERT INTO dead_letters (source_topic, partition, record_offset, fingerprint, reason_code, detail, key, value, headers)
SELECT topic, partition, record_offset, fingerprint, reason_code, detail, key, value, headers
FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS integer[]), CAST(:offsets AS bigint[]),
            CAST(:fingerprints AS bytea[]), CAST(:reasons AS text[]), CAST(:details AS text[]),
            CAST(:keys AS bytea[]), CAST(:values AS bytea[]))
     WITH ORDINALITY AS bad (topic, partition, record_offset, fingerprint, reason_code, detail, key, value, place)
JOIN jsonb_array_elements(:headers) WITH ORDINALITY AS h (headers, place) USING (place)
ON CONFLICT ON CONSTRAINT dead_letters_once DO NOTHING
RETURNING source_topic, partition, record_offset, fingerprint
""").bindparams(bindparam("headers", type_=JSONB))

_log = structlog.get_logger(__name__)


class Rejected(NamedTuple):
    """A rejected record and the reason."""

    record: ConsumerRecord[bytes, bytes]
    reason_code: str
    detail: str

    def without_content(self) -> "Rejected":
        """The same without key, value and headers."""
        return self._replace(record=replace(self.record, key=None, value=None, headers=()))


class DeadLetters:
    """Stores rejected records in the transaction of the consumer."""

    def __init__(self, outbox: Outbox, *, group: str) -> None:
        self._outbox = outbox
        self._group = group

    async def keep(self, tx: AsyncConnection, letters: Sequence[Rejected]) -> None:
        """Store each record once, however often it is delivered, and publish it on the dead-letter topic."""
        rows = await tx.execute(_KEEP, _columns(letters))
        kept = {(topic, partition, offset, bytes(fingerprint)) for topic, partition, offset, fingerprint in rows}
        fresh = [rejected for rejected in letters if _identity(rejected.record) in kept]
        await self._outbox.append(tx, [self._message(rejected) for rejected in fresh])
        after_commit(tx, partial(_count, fresh))

    def _message(self, rejected: Rejected) -> Outgoing:
        record = rejected.record
        message = DeadLettered(
            tenant_id=PLATFORM_TENANT,
            group=self._group,
            source_topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason_code=rejected.reason_code,
            detail=_detail(rejected),
            key=_kept(record.key, KEY_BYTES),
            value=_value(record),
            headers=tuple(_headers(record)),
        )
        return Outgoing(message, topic=f"{record.topic}.dlq")


def _count(fresh: Sequence[Rejected]) -> None:
    for record, reason_code, detail in fresh:
        metrics.DEAD_LETTERS.labels(record.topic, reason_code).inc()
        _log.error("dead_letter", topic=record.topic, partition=record.partition,
                   offset=record.offset, reason_code=reason_code, detail=detail)  # fmt: skip


def _columns(letters: Sequence[Rejected]) -> dict[str, object]:
    records = [letter.record for letter in letters]
    return {
        "topics": [record.topic for record in records],
        "partitions": [record.partition for record in records],
        "offsets": [record.offset for record in records],
        "fingerprints": [_identity(record)[3] for record in records],
        "reasons": [letter.reason_code for letter in letters],
        "details": [_detail(letter) for letter in letters],
        "keys": [_kept(record.key, KEY_BYTES) for record in records],
        "values": [_value(record) for record in records],
        "headers": [[[name, _base64(value)] for name, value in _headers(record)] for record in records],
    }


def _kept(content: bytes | None, limit: int) -> bytes | None:
    return content and content[:limit]


def _value(record: ConsumerRecord[bytes, bytes]) -> bytes | None:
    """The part of the value that is kept, without the key of a run: whoever has it can report on the run."""
    value = record.value
    if value is not None and record.topic == TASK_COMMANDS.name:
        value = _RUN_KEY.sub(rb'\1"removed"', value)
    return _kept(value, VALUE_BYTES)


def _headers(record: ConsumerRecord[bytes, bytes]) -> list[tuple[str, bytes | None]]:
    kept = record.headers[:HEADERS_KEPT]
    return [(storable(name[:NAME_LENGTH]), _kept(content, HEADER_BYTES)) for name, content in kept]


def _detail(rejected: Rejected) -> str:
    """The reason, and the former size of a record that is not kept whole."""
    value, headers = len(rejected.record.value or b""), len(rejected.record.headers)
    if value <= VALUE_BYTES and headers <= HEADERS_KEPT:
        return storable(rejected.detail)
    return storable(rejected.detail)[:_DETAIL_LENGTH] + f" Cut off: {value} bytes, {headers} headers."


def _identity(record: ConsumerRecord[bytes, bytes]) -> tuple[str, int, int, bytes]:
    """Identity of a record. It includes the content, because a broker that lost its data reuses offsets."""
    return record.topic, record.partition, record.offset, fingerprint(record.key, record.value)


def _base64(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode()


def storable(detail: str) -> str:
    """Replace NUL and lone surrogates, which PostgreSQL does not store."""
    return detail.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:4000]
