"""Evidence as evidence-store answers with it: described here, and passed on without being read."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from onboarding_shared.contracts.types import AttemptNumber, CheckStatus, RunState

Seal = Annotated[str, Meta(description="SHA-256, 64 hexadecimal digits.", examples=["9f86d081" * 8])]


class BreakKind(StrEnum):
    """The ways in which a chain can differ from what was sealed."""

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
    """The result of a finished run, as it was sealed. The contract's fields, then ours."""

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
    position: Annotated[int, Meta(ge=1, description="The place in the tenant's chain, from 1.")]
    previous_seal: Seal
    seal: Seal


class SealedEvidence(OnboardingEvidence, kw_only=True):
    """One item with the bytes it was sealed as: SHA-256(previous_seal || record), both as bytes, is the seal."""

    record: Annotated[str, Meta(description="The sealed JSON, to be hashed as UTF-8 exactly as it is.")]


class ChainBreak(Struct, kw_only=True):
    """The first place where a chain is not as it was sealed."""

    position: int
    evidence_id: int | None
    kind: BreakKind
    detail: str


class ChainVerification(Struct, kw_only=True, rename={"broken": "break"}):
    """The verdict on a chain: how long it is and its last seal, as far as it is whole, and its first break."""

    verified: bool
    length: int
    head: Seal
    broken: ChainBreak | None
