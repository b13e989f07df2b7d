"""The bodies of answers. Every field of evidence comes from the sealed bytes, never from the columns beside them."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from evidence_store.domain.verification import Break, BreakKind, ChainVerdict
from evidence_store.store.reading import EvidenceItem
from onboarding_shared.contracts.types import AttemptNumber, CheckStatus, Id, RunState

Moment = Annotated[str, Meta(description="RFC 3339, in UTC.", extra_json_schema={"extra": {"format": "date-time"}})]
Seal = Annotated[str, Meta(description="SHA-256, 64 hexadecimal digits.")]


class OnboardingEvidence(Struct, kw_only=True):
    """The result of a finished run, as it was sealed. The contract's fields, then ours."""

    id: Id
    tenant_id: Id
    onboarding_session_id: Id | None
    provider_connection_id: Id | None
    task_type: str
    status: CheckStatus
    reason_code: str
    message: str | None
    payload: dict[str, Any]
    operation_run_id: Id
    recorded_at: Moment
    run_state: RunState
    attempt: AttemptNumber
    started_at: Moment | None
    finished_at: Moment
    position: Annotated[int, Meta(ge=1, description="The place in the tenant's chain, from 1.")]
    previous_seal: Seal
    seal: Seal


class SealedEvidence(OnboardingEvidence, kw_only=True):
    """One item with the bytes it was sealed as: SHA-256(previous_seal || record), both as bytes, is the seal."""

    record: Annotated[str, Meta(description="The sealed JSON, to be hashed as UTF-8 exactly as it stands.")]


class ChainBreak(Struct, frozen=True):
    """The first place where a chain is not as it was sealed."""

    position: int
    evidence_id: int | None
    kind: BreakKind
    detail: str


class ChainVerification(Struct, frozen=True):
    """The verdict on a chain: how long it is and its last seal, as far as it is whole, and its first break."""

    verified: bool
    length: int
    head: Seal
    broken: ChainBreak | None = msgspec.field(name="break")


def evidence_body(item: EvidenceItem) -> OnboardingEvidence:
    """The item as a list has it."""
    return msgspec.convert(_members(item), OnboardingEvidence)


def sealed_body(item: EvidenceItem) -> SealedEvidence:
    """The item by itself."""
    return msgspec.convert({**_members(item), "record": item.record.decode()}, SealedEvidence)


def _members(item: EvidenceItem) -> dict[str, Any]:
    sealed: dict[str, Any] = msgspec.json.decode(item.record)
    return {**sealed, "previous_seal": item.previous_seal.hex(), "seal": item.seal.hex()}


def verification_body(verdict: ChainVerdict) -> ChainVerification:
    """The verdict as an answer."""
    broken = verdict.broken
    first_break = None if broken is None else _break_body(broken)
    return ChainVerification(broken is None, verdict.length, verdict.seal.hex(), first_break)


def _break_body(broken: Break) -> ChainBreak:
    return ChainBreak(broken.position, broken.evidence_id, broken.kind, broken.detail)
