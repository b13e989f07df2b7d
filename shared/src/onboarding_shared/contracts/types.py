r"""The bounded scalar types and the enumerations that every contract uses.

The bounds exclude values that PostgreSQL rejects: NUL characters, and integers above 2^63 - 1. The patterns are
published in JSON Schemas (``portable_patterns``), so but for ``\Z`` they use only syntax that all engines have.
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

MAX_ID = 2**63 - 1
PLATFORM_TENANT = 0
"""The tenant id of messages that concern the platform itself, not one tenant."""

FIRST_STEP, LAST_STEP = 1, 5
"""The steps of the onboarding wizard."""
GUID_PATTERN = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
"""A GUID, not anchored."""

_NO_NUL = r"^[^\x00]*\Z"
_HIDDEN = r"\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
"""Control characters with those of terminals, ends of lines, directions of writing, and what has no width.

Not U+200C and U+200D, which Persian and Indian scripts and emoji need.
"""
VISIBLE_PATTERN = rf"^[^{_HIDDEN}]*\Z"
r"""Not for messages: Go has no ``\u``."""

Id = Annotated[int, Meta(ge=1, le=MAX_ID, description="A positive 64-bit identifier.")]
TenantKey = Annotated[int, Meta(ge=0, le=MAX_ID, description="A tenant id; 0 stands for the platform itself.")]
StepNumber = Annotated[int, Meta(ge=FIRST_STEP, le=LAST_STEP, description="A step of the onboarding wizard.")]
Count = Annotated[int, Meta(ge=0, le=MAX_ID)]
AttemptNumber = Annotated[int, Meta(ge=0, le=2**31 - 1, description="How often the run was started; 0 = not yet.")]

TaskTypeName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*\Z",
        max_length=100,
        description="For example license.inventory.",
    ),
]
ReasonCode = Annotated[
    str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,63}\Z", description="A stable code a program may branch on.")
]
ShortText = Annotated[str, Meta(max_length=200, pattern=_NO_NUL)]
LongText = Annotated[str, Meta(max_length=4000, pattern=_NO_NUL)]
VisibleName = Annotated[str, Meta(min_length=1, max_length=200, pattern=VISIBLE_PATTERN)]
"""A name that people give and see, in one line."""
VisibleNote = Annotated[str, Meta(max_length=4000, pattern=VISIBLE_PATTERN)]
"""A text that people write and see, in one line."""
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its distance to UTC.")]


_SPACES = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_HIDDEN_CHARACTERS = re.compile(f"[{_HIDDEN}]")


def is_visible(text: str) -> bool:
    """True if ``VISIBLE_PATTERN`` matches: what a person sees of the text is the text, in one line."""
    return _HIDDEN_CHARACTERS.search(text) is None


def made_visible(text: str) -> str:
    """The text in one line, with a replacement character for each character that ``is_visible`` excludes."""
    return text if is_visible(text) else _HIDDEN_CHARACTERS.sub("\ufffd", _SPACES.sub(" ", text))


class CheckStatus(StrEnum):
    """The result of a task, independent of the state of its run: see ``RunState``."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class RunState(StrEnum):
    """The state of a run; ``run_states`` has the transitions."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class SessionStatus(StrEnum):
    """The status of an onboarding session; ``draft`` and ``in_progress`` are open."""

    DRAFT = "draft"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    ABANDONED = "abandoned"


class ConsentClaim(StrEnum):
    """The claim of a browser that comes back from a consent link. ``reported``: the consent was given."""

    DECLINED = "declined"
    WRONG_TENANT = "wrong_tenant"
    REPORTED = "reported"


class Scope(StrEnum):
    """The object of a task type, which its guard protects."""

    TENANT = "tenant"
    CONNECTION = "connection"


class Licence(StrEnum):
    """The edition of Microsoft Entra ID that a task requires; P2 includes P1."""

    P1 = "P1"
    P2 = "P2"


class Mode(StrEnum):
    """The lock mode of a run: ``shared`` runs only read; an ``exclusive`` run excludes every other run in its scope."""

    SHARED = "shared"
    EXCLUSIVE = "exclusive"
