"""Response bodies. All fields of evidence are read from the sealed record, never from the columns of the table."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from evidence_store.domain.verification import Break, BreakKind, ChainVerdict
from evidence_store.store.reading import EvidenceItem, RecordOfRun
from onboarding_shared.contracts.types import AttemptNumber, CheckStatus, Id, RunState

Moment = Annotated[str, Meta(description="RFC 3339, in UTC.", extra_json_schema={"extra": {"format": "date-time"}})]
Seal = Annotated[str, Meta(description="SHA-256, 64 hexadecimal digits.")]


class OnboardingEvidence(Struct, kw_only=True):
    """The sealed result of a finished run."""

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
    position: Annotated[int, Meta(ge=1, description="Position in the tenant's chain, from 1.")]
    previous_seal: Seal
    seal: Seal


class SealedEvidence(OnboardingEvidence, kw_only=True):
    """One item of evidence with its sealed record. ``seal`` = SHA-256(``previous_seal`` || ``record``), as bytes."""

    record: Annotated[str, Meta(description="The sealed JSON text. Hash its UTF-8 bytes without any change.")]


class SealedRecord(Struct, kw_only=True):
    """A sealed record. ``seal`` = SHA-256(``previous_seal`` || ``record``), as bytes."""

    id: Id
    position: Annotated[int, Meta(ge=1, description="Position in the tenant's chain, from 1.")]
    operation_run_id: Id
    previous_seal: Seal
    seal: Seal
    record: Annotated[str, Meta(description="The sealed JSON text. Hash its UTF-8 bytes without any change.")]


class ChainBreak(Struct, frozen=True):
    """The first break of a chain."""

    position: int
    evidence_id: int | None
    kind: BreakKind
    detail: str


class ChainVerification(Struct, frozen=True):
    """The verdict on a chain: length and last seal of its intact part, and its first break, if any."""

    verified: bool
    length: int
    head: Seal
    broken: ChainBreak | None = msgspec.field(name="break")


def evidence_body(item: EvidenceItem) -> OnboardingEvidence:
    """Return an item of a list."""
    return msgspec.convert(_members(item), OnboardingEvidence)


def sealed_body(item: EvidenceItem) -> SealedEvidence:
    """Return one item with its sealed record."""
    return msgspec.convert({**_members(item), "record": item.record.decode()}, SealedEvidence)


def record_body(record: RecordOfRun) -> SealedRecord:
    """Return a sealed record. Bytes that are not UTF-8 were not sealed: replaced, they do not match the seal."""
    return SealedRecord(
        id=record.id,
        position=record.position,
        operation_run_id=record.run_id,
        previous_seal=record.previous_seal.hex(),
        seal=record.seal.hex(),
        record=record.record.decode(errors="replace"),
    )


def _members(item: EvidenceItem) -> dict[str, Any]:
    sealed: dict[str, Any] = msgspec.json.decode(item.record)
    return {**sealed, "previous_seal": item.previous_seal.hex(), "seal": item.seal.hex()}


def verification_body(verdict: ChainVerdict) -> ChainVerification:
    """Return the response body of a verdict."""
    broken = verdict.broken
    first_break = None if broken is None else _break_body(broken)
    return ChainVerification(broken is None, verdict.length, verdict.seal.hex(), first_break)


def _break_body(broken: Break) -> ChainBreak:
    return ChainBreak(broken.position, broken.evidence_id, broken.kind, broken.detail)
