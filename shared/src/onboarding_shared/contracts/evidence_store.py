"""Messages of evidence-store."""

from typing import Annotated, ClassVar

from msgspec import Meta

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.topics import EVIDENCE, Topic
from onboarding_shared.contracts.types import CheckStatus, Id, Moment, ReasonCode, TaskTypeName

SealHash = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z", description="SHA-256, hexadecimal.")]


class EvidenceRecorded(Message, frozen=True, kw_only=True):
    """The result of a run was stored, at ``position`` (from 1) of the hash chain of its tenant."""

    topic: ClassVar[Topic] = EVIDENCE

    evidence_id: Id
    run_id: Id
    task_type: TaskTypeName
    status: CheckStatus
    reason_code: ReasonCode
    position: Id
    seal: SealHash
    recorded_at: Moment

    @property
    def subject(self) -> str:
        return f"evidence/{self.evidence_id}"
