"""The response bodies of evidence-store, for the API page. Responses are forwarded without being decoded."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from onboarding_shared.contracts.types import AttemptNumber, CheckStatus, RunState

Seal = Annotated[str, Meta(description="SHA-256, 64 hexadecimal digits.", examples=["9f86d081" * 8])]


class BreakKind(StrEnum):
    """Kinds of breaks of a chain."""

    RECORD_EDITED = "record_edited"
    COLUMN_DIFFERS = "column_differs"
    POSITION_MISSING = "position_missing"
    REORDERED = "reordered"
    LINK_BROKEN = "link_broken"
    TAIL_CUT = "tail_cut"
    BEYOND_HEAD = "beyond_head"
    HEAD_DIFFERS = "head_differs"
    HEAD_MISSING = "head_missing"
    ANCHOR_DIFFERS = "anchor_differs"


class OnboardingEvidence(Struct, kw_only=True):
    """The sealed result of a finished run."""

    id: int
    tenant_id: int
    onboarding_session_id: int | None
    provider_connection_id: int | None
    task_type: str
    status: CheckStatus
    reason_code: str | None
    message: str | None
    payload: dict[str, Any]
    operation_run_id: int | None
    recorded_at: datetime
    run_state: RunState
    attempt: AttemptNumber
    started_at: datetime | None
    finished_at: datetime
    position: Annotated[int, Meta(ge=1, description="Position in the tenant's chain, from 1.")]
    previous_seal: Seal
    seal: Seal


class SealedEvidence(OnboardingEvidence, kw_only=True):
    """One item of evidence with its sealed record. ``seal`` = SHA-256(``previous_seal`` || ``record``), as bytes."""

    record: Annotated[str, Meta(description="The sealed JSON text. Hash its UTF-8 bytes without any change.")]


class ChainBreak(Struct, kw_only=True):
    """The first break of a chain."""

    position: int
    evidence_id: int | None
    kind: BreakKind
    detail: str


class ChainVerification(Struct, kw_only=True, rename={"broken": "break"}):
    """The verdict on a chain: length and last seal of its intact part, and its first break, if any."""

    verified: bool
    length: int
    head: Seal
    broken: ChainBreak | None
