"""The bounded scalar types and the enumerations that every contract uses.

Bounds stand here so that no text or number can reach PostgreSQL that it would refuse: it stores no NUL
character and its ``bigint`` ends at 2^63 - 1. The patterns are published in JSON Schemas, so they keep to what every
regular expression engine knows; ``$`` alone would let Python accept a newline at the end.
"""

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
"""A GUID in its usual notation; it is not anchored."""

_NO_NUL = r"^[^\x00]*$(?!\n)"

Id = Annotated[int, Meta(ge=1, le=MAX_ID, description="A positive 64-bit identifier.")]
TenantKey = Annotated[int, Meta(ge=0, le=MAX_ID, description="A tenant id; 0 stands for the platform itself.")]
StepNumber = Annotated[int, Meta(ge=FIRST_STEP, le=LAST_STEP, description="A step of the onboarding wizard.")]
Count = Annotated[int, Meta(ge=0, le=MAX_ID)]
AttemptNumber = Annotated[int, Meta(ge=0, le=2**31 - 1, description="How often the run was started; 0 = not yet.")]

TaskTypeName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$(?!\n)",
        max_length=100,
        description="For example license.inventory.",
    ),
]
ReasonCode = Annotated[
    str, Meta(pattern=r"^[A-Z][A-Z0-9_]{1,63}$(?!\n)", description="A stable code a program may branch on.")
]
ShortText = Annotated[str, Meta(max_length=200, pattern=_NO_NUL)]
LongText = Annotated[str, Meta(max_length=4000, pattern=_NO_NUL)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with its distance to UTC.")]


class CheckStatus(StrEnum):
    """What a task found out. Another thing than how its run went: see ``RunState``."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class RunState(StrEnum):
    """Where a run is in its life; the transitions stand in ``run_states``."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


class SessionStatus(StrEnum):
    """Where an onboarding session is in its life; ``draft`` and ``in_progress`` are open."""

    DRAFT = "draft"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    ABANDONED = "abandoned"


class Scope(StrEnum):
    """What a task type works on, and so what its guard protects."""

    TENANT = "tenant"
    CONNECTION = "connection"


class Licence(StrEnum):
    """The edition of Microsoft Entra ID without which a task cannot answer; P2 contains P1."""

    P1 = "P1"
    P2 = "P2"


class Mode(StrEnum):
    """``shared`` runs only read; an ``exclusive`` run changes things and excludes every other in its scope."""

    SHARED = "shared"
    EXCLUSIVE = "exclusive"
