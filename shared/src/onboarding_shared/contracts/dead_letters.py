"""What a consumer says of a record that it could not read or apply."""

from typing import Annotated

from msgspec import Meta

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.types import Count, LongText, ReasonCode, ShortText


class DeadLettered(Message, frozen=True, kw_only=True):
    """The record as it was, and why it was put aside. Goes to ``<topic>.dlq``; the partition went on.

    ``value``, ``key`` and the header values are base64 in JSON, so any bytes survive.
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
