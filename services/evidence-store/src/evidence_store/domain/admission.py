"""Validation of results, and the messages that confirm them."""

import functools
from typing import TypeGuard

from evidence_store.domain.chain import StoredEvidence
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.contracts.types import CheckStatus, RunState

_status = functools.cache(CheckStatus)

RunKey = tuple[int, int]
"""The id of a run and its tenant: an id alone does not identify a run, because a forged result may use any."""


class Inadmissible(ValueError):
    """A result that violates the rule ``code`` and cannot be stored as evidence."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def leaves_evidence(message: Message) -> TypeGuard[RunFinished]:
    """Return True if the message is the end of a run that was not cancelled. Raise ``Inadmissible`` if invalid."""
    if not isinstance(message, RunFinished) or message.state is RunState.CANCELLED:
        return False
    if message.state not in TERMINAL:
        raise Inadmissible("RUN_NOT_FINISHED", f"RunFinished of run {message.run_id} has state {message.state}.")
    if message.tenant_id < 1:
        raise Inadmissible("TENANT_INVALID", f"Run {message.run_id} has no tenant id.")
    return True


def contradicts(result: RunFinished, kept: EvidenceRecorded) -> bool:
    """Return True if a repeated result differs from the stored one."""
    return (result.task_type, result.status, result.reason_code) != (kept.task_type, kept.status, kept.reason_code)


def recorded(row: StoredEvidence) -> EvidenceRecorded:
    """Return the message that confirms a stored row."""
    return EvidenceRecorded(
        tenant_id=row.tenant_id,
        evidence_id=row.id,
        run_id=row.run_id,
        task_type=row.task_type,
        status=_status(row.status),
        reason_code=row.reason_code,
        position=row.position,
        seal=row.seal.hex(),
        recorded_at=row.recorded_at,
    )
