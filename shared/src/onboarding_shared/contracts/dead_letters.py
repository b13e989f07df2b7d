"""The message for a record that a consumer could not decode or apply, and what operators do with such records."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.types import Count, LongText, ReasonCode, ShortText


class DeadLettered(Message, frozen=True, kw_only=True):
    """The rejected record and the reason. Published on ``<topic>.dlq``; the partition continues with the next record.

    ``value``, ``key`` and the header values are base64 in JSON, which preserves any bytes.
    """

    group: ShortText
    source_topic: ShortText
    partition: Annotated[int, Meta(ge=0)]
    offset: Count
    reason_code: ReasonCode
    detail: LongText
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def subject(self) -> str:
        return f"{self.source_topic}/{self.partition}/{self.offset}"


class DeadLetterState(StrEnum):
    """The state of a stored dead letter: only a kept one can be replayed or discarded."""

    KEPT = "kept"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class ReplayOutcome(StrEnum):
    """The result of a replay. ``repeat``: it had been replayed before, or a later message has replaced it."""

    APPLIED = "applied"
    REPEAT = "repeat"
    REJECTED = "rejected"
