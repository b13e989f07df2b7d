"""Dead letters as they are answered and printed: the content as text where it is text, else in base64."""

from base64 import b64encode
from datetime import datetime
from typing import Any

from msgspec import Struct, structs

from onboarding_shared.contracts.dead_letters import DeadLetterState, ReplayOutcome
from onboarding_shared.contracts.types import ReasonCode, ShortText
from onboarding_shared.messaging.dead_letter_rows import LetterContent, StoredLetter
from onboarding_shared.messaging.dead_letter_rules import Obstacle


class Content(Struct, kw_only=True, frozen=True):
    """Stored bytes: ``text`` if they are UTF-8, else ``base64``; both are null where there are none."""

    text: str | None = None
    base64: str | None = None


class Header(Struct, kw_only=True, frozen=True):
    """A header of a record."""

    name: str
    text: str | None = None
    base64: str | None = None


class DeadLetter(Struct, kw_only=True, frozen=True):
    """A record that was put aside. ``obstacle`` says why it cannot be replayed; ``replays`` counts the attempts."""

    id: int
    source_topic: str
    partition: int
    offset: int
    reason_code: str
    detail: str
    recorded_at: datetime
    state: DeadLetterState
    replays: int
    acted_at: datetime | None
    acted_by_user_id: int | None
    replayable: bool
    obstacle: Obstacle | None
    obstacle_text: str | None


class DeadLetterDetails(DeadLetter, kw_only=True, frozen=True):
    """A dead letter with what is stored of its record."""

    key: Content
    value: Content
    headers: list[Header]


class DeadLetterGroup(Struct, kw_only=True, frozen=True):
    """The kept dead letters of one topic and reason."""

    source_topic: str
    reason_code: str
    count: int
    oldest_at: datetime
    newest_at: datetime
    example_id: int


class DeadLetterCause(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Names a group."""

    source_topic: ShortText
    reason_code: ReasonCode


class DeadLetterReplayResult(Struct, kw_only=True, frozen=True):
    """``reason_code`` and ``detail`` say why the record was rejected again; else they are null."""

    id: int
    outcome: ReplayOutcome
    reason_code: str | None
    detail: str | None


class DeadLetterDiscardResult(Struct, kw_only=True, frozen=True):
    """The dead letter was discarded, now or before."""

    id: int
    state: DeadLetterState


class DeadLetterGroupResult(Struct, kw_only=True, frozen=True):
    """The numbers replayed, rejected again, discarded, and passed over; ``remaining`` are kept in the group."""

    replayed: int
    rejected: int
    discarded: int
    skipped: int
    remaining: int


class ContentBody(Struct, kw_only=True, frozen=True):
    """Key, value and headers of a record, as far as they are stored."""

    key: Content
    value: Content
    headers: list[Header]


def letter_body(letter: StoredLetter) -> DeadLetter:
    """Return a dead letter without its content."""
    return DeadLetter(**_members(letter))


def details_body(letter: StoredLetter, content: LetterContent) -> DeadLetterDetails:
    """Return a dead letter with its content."""
    return DeadLetterDetails(**_members(letter), **structs.asdict(content_body(content)))


def _members(letter: StoredLetter) -> dict[str, Any]:
    found = letter.obstacle
    text = None if found is None else found.sentence
    return {**structs.asdict(letter), "replayable": found is None, "obstacle_text": text}


def content_body(content: LetterContent) -> ContentBody:
    """Return the content of a record for people."""
    return ContentBody(
        key=_content(content.key),
        value=_content(content.value),
        headers=[_header(name, value) for name, value in content.headers],
    )


def _content(stored: bytes | None) -> Content:
    if stored is None:
        return Content()
    try:
        return Content(text=stored.decode())
    except UnicodeDecodeError:
        return Content(base64=b64encode(stored).decode())


def _header(name: str, stored: bytes | None) -> Header:
    content = _content(stored)
    return Header(name=name, text=content.text, base64=content.base64)
