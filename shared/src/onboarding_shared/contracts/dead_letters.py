"""The message for a record that a consumer could not decode or apply."""

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
