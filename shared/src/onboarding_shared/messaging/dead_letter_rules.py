"""Rules of stored dead letters: what is kept of a record, and which of them can be replayed."""

import hashlib
from enum import StrEnum

from msgspec import Struct

from onboarding_shared.contracts.topics import TASK_COMMANDS

VALUE_BYTES = 192 * 1024
KEY_BYTES = HEADER_BYTES = 1024
NAME_LENGTH = 50
HEADERS_KEPT = 50

UNREADABLE_CODES = frozenset(
    {"BATCH_INVALID", "BATCH_TOO_LARGE", "COMPRESSION_UNSUPPORTED", "CHECKSUM_WRONG", "RECORD_INVALID"}
)
"""The reasons of records whose bytes were not divided into key, value and headers."""


class Obstacle(StrEnum):
    """The reason why a dead letter cannot be replayed."""

    RECORD_UNREADABLE = "record_unreadable"
    CONTENT_MISSING = "content_missing"
    CONTENT_CUT = "content_cut"
    RUN_KEY_REMOVED = "run_key_removed"

    @property
    def sentence(self) -> str:
        """The reason for people."""
        return _SENTENCES[self]


_SENTENCES = {
    Obstacle.RECORD_UNREADABLE: "Kafka's record could not be read: its key, value and headers are not known.",
    Obstacle.CONTENT_MISSING: "No value of the record is stored.",
    Obstacle.CONTENT_CUT: "The record was too long to be stored whole.",
    Obstacle.RUN_KEY_REMOVED: "The key of the run was removed from the stored command; session-api sends it again.",
}


class KeptContent(Struct, frozen=True, kw_only=True):
    """Facts about the stored content. ``is_whole``: key and value are those of the record, by its fingerprint."""

    source_topic: str
    reason_code: str
    value_bytes: int | None
    key_bytes: int | None
    is_whole: bool
    headers_cut: bool


def obstacle(content: KeptContent) -> Obstacle | None:
    """Return why the record cannot be replayed, or None if it can. Headers that may have been cut count as cut."""
    if content.reason_code in UNREADABLE_CODES:
        return Obstacle.RECORD_UNREADABLE
    if content.value_bytes is None:
        return Obstacle.CONTENT_MISSING
    if content.headers_cut:
        return Obstacle.CONTENT_CUT
    if content.is_whole:
        return None
    cut = content.value_bytes >= VALUE_BYTES or (content.key_bytes or 0) >= KEY_BYTES
    return Obstacle.RUN_KEY_REMOVED if content.source_topic == TASK_COMMANDS.name and not cut else Obstacle.CONTENT_CUT


def fingerprint(key: bytes | None, value: bytes | None) -> bytes:
    """Return the SHA-256 of the whole key and value of a record."""
    return hashlib.sha256((key or b"") + b"\x00" + (value or b"")).digest()
