"""The golden messages as values, and what spoils each: both written by hand beside ``golden/``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onboarding_shared.contracts.dead_letters import DeadLettered
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.session_api import (
    CancelTask,
    ConsentAnswered,
    ConsentRequested,
    ResumeTask,
    SessionAbandoned,
    SessionAssigned,
    SessionCompleted,
    SessionConnectionChosen,
    SessionStarted,
    SessionStepChanged,
    SessionTakenOver,
    StartTask,
    TaskConnection,
)
from onboarding_shared.contracts.task_runner import (
    Progress,
    RunFinished,
    RunProgressed,
    RunStarted,
    TaskTypeDeclaration,
    TaskTypesAnnounced,
)
from onboarding_shared.contracts.types import CheckStatus, Licence, Mode, RunState, Scope

GOLDEN = Path(__file__).parent / "golden"


def at(hour: int, minute: int, second: int, microsecond: int = 0) -> datetime:
    """A moment of the day on which the golden messages were sent."""
    return datetime(2026, 11, 24, hour, minute, second, microsecond, UTC)


EXPECTED: tuple[Message, ...] = (
    StartTask(
        tenant_id=42,
        run_id=9223372036854775807,
        task_type="license.inventory",
        session_id=71,
        connection=TaskConnection(
            id=5,
            provider="microsoft_graph",
            external_tenant_id="8f3b0c1e-6a53-4a7e-9f0e-2f7a4c9d1b10",
            client_id="0d9b8f4e-1111-4c62-8c4a-6f1f6f0f7a01",
            credential_ref="env:CONTOSO_SECRET",
            cloud="global",
        ),
        requested_by=7,
        requested_at=at(9, 30, 0),
        repeat=2,
        previously_ok=True,
        inputs={"group": "Helpdesk", "days": 30},
        dry_run=True,
    ),
    CancelTask(tenant_id=42, run_id=1001, requested_by=7, requested_at=at(9, 30, 0, 250_000)),
    ResumeTask(tenant_id=42, run_id=1002, requested_by=8, requested_at=at(9, 31, 0)),
    SessionStarted(tenant_id=42, session_id=71, by_user_id=7),
    SessionStepChanged(tenant_id=42, session_id=71, by_user_id=7, from_step=4, to_step=5),
    SessionAssigned(tenant_id=42, session_id=71, by_user_id=7, from_user_id=None, to_user_id=8),
    SessionConnectionChosen(tenant_id=42, session_id=71, by_user_id=7, from_connection_id=5, to_connection_id=None),
    SessionTakenOver(tenant_id=42, session_id=71, by_user_id=8, from_user_id=7),
    SessionCompleted(tenant_id=42, session_id=71, by_user_id=7),
    SessionAbandoned(tenant_id=42, session_id=71, by_user_id=7, reason="Der Kunde hat gekündigt."),
    ConsentRequested(
        tenant_id=42,
        session_id=71,
        by_user_id=7,
        consent_request_id=12,
        provider_connection_id=5,
        expires_at=at(9, 31, 0),
    ),
    ConsentAnswered(
        tenant_id=42, session_id=71, by_user_id=7, consent_request_id=12, provider_connection_id=5, state="reported"
    ),
    RunStarted(tenant_id=42, run_id=1001, task_type="license.inventory", attempt=1, started_at=at(9, 30, 1, 1)),
    RunProgressed(
        tenant_id=42,
        run_id=1001,
        task_type="license.inventory",
        attempt=2,
        state=RunState.WAITING,
        progress=Progress(done=3, total=None, message="Reading subscriptions"),
        reason_code="PROVIDER_THROTTLED",
        resume_at=at(9, 31, 0),
    ),
    RunFinished(
        tenant_id=42,
        run_id=1001,
        task_type="license.inventory",
        attempt=2,
        state=RunState.SUCCEEDED,
        session_id=71,
        provider_connection_id=5,
        status=CheckStatus.WARN,
        reason_code="LICENSE_MISSING",
        message="2 of 3 plans found",
        payload={"plans": ["AAD_PREMIUM", "EXCHANGE"], "seats": 25, "share": 0.5, "complete": False, "next": None},
        started_at=at(9, 30, 1, 1),
        finished_at=at(9, 30, 3),
    ),
    TaskTypesAnnounced(
        tenant_id=0,
        task_types=(
            TaskTypeDeclaration(
                name="app.consent_grant",
                title="Grant consent",
                description="Creates what is missing of the service principal and its roles.",
                step=3,
                scope=Scope.CONNECTION,
                mode=Mode.EXCLUSIVE,
                required=False,
                permissions=("AppRoleAssignment.ReadWrite.All",),
                licence=Licence.P1,
                time_limit_seconds=60.5,
                max_attempts=3,
                fresh_seconds=86400.5,
                wait_limit_seconds=3600.0,
                distribution="onboarding-task-runner",
                version="0.1.0",
                inputs_schema={"type": "object", "properties": {"days": {"type": "integer", "minimum": 1}}},
                supports_dry_run=True,
            ),
        ),
    ),
    EvidenceRecorded(
        tenant_id=42,
        evidence_id=900,
        run_id=1001,
        task_type="license.inventory",
        status=CheckStatus.WARN,
        reason_code="LICENSE_MISSING",
        position=13,
        seal="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        recorded_at=at(9, 30, 3, 500_000),
    ),
    DeadLettered(
        tenant_id=0,
        group="task-runner",
        source_topic="onboarding.task-commands.v1",
        partition=3,
        offset=512,
        reason_code="HEADER_INVALID",
        detail="The header 'ce_id' is not UTF-8.",
        key=b"42",
        value=b"{}",
        headers=(("ce_id", b"\xff"), ("ce_time", None)),
    ),
)

DECLARED = {"name": "a", "title": "A", "step": 1, "scope": "tenant", "mode": "shared", "time_limit_seconds": 1.0}
"""The least that declares a task type."""

SPOILED: tuple[tuple[type[Message], dict[str, Any]], ...] = (
    (StartTask, {"run_id": 0}),
    (StartTask, {"run_id": 9223372036854775808}),
    (StartTask, {"task_type": "License"}),
    (StartTask, {"task_type": "license.inventory\n"}),
    (StartTask, {"session_id": "71"}),
    (StartTask, {"connection": {"id": 5}}),
    (StartTask, {"requested_at": "2026-11-24T09:30:00"}),
    (StartTask, {"requested_at": "yesterday"}),
    (StartTask, {"repeat": -1}),
    (StartTask, {"previously_ok": "yes"}),
    (StartTask, {"inputs": []}),
    (StartTask, {"dry_run": "yes"}),
    (CancelTask, {"requested_by": None}),
    (ResumeTask, {"run_id": "1002"}),
    (SessionStarted, {"session_id": None}),
    (SessionStepChanged, {"to_step": 6}),
    (SessionStepChanged, {"from_step": 0}),
    (SessionAssigned, {"to_user_id": 0}),
    (SessionConnectionChosen, {"from_connection_id": "five"}),
    (SessionTakenOver, {"from_user_id": None}),
    (SessionCompleted, {"by_user_id": 1.5}),
    (SessionAbandoned, {"reason": "a" * 4001}),
    (SessionAbandoned, {"reason": "a\x00b"}),
    (ConsentRequested, {"consent_request_id": 0}),
    (ConsentRequested, {"expires_at": None}),
    (ConsentAnswered, {"provider_connection_id": None}),
    (ConsentAnswered, {"state": "verified"}),
    (RunStarted, {"attempt": -1}),
    (RunStarted, {"started_at": None}),
    (RunProgressed, {"state": "sleeping"}),
    (RunProgressed, {"progress": {"done": -1}}),
    (RunProgressed, {"progress": {"message": "a" * 201}}),
    (RunProgressed, {"resume_at": "2026-11-24T09:31:00"}),
    (RunFinished, {"status": "maybe"}),
    (RunFinished, {"reason_code": "license_missing"}),
    (RunFinished, {"reason_code": "A"}),
    (RunFinished, {"payload": []}),
    (RunFinished, {"finished_at": 1764000000}),
    (TaskTypesAnnounced, {"task_types": {}}),
    (TaskTypesAnnounced, {"task_types": [{"name": "a"}]}),
    (TaskTypesAnnounced, {"task_types": [{**DECLARED, "fresh_seconds": 0}]}),
    (TaskTypesAnnounced, {"task_types": [{**DECLARED, "wait_limit_seconds": 0}]}),
    (TaskTypesAnnounced, {"task_types": [{**DECLARED, "inputs_schema": "{}"}]}),
    (TaskTypesAnnounced, {"task_types": [{**DECLARED, "supports_dry_run": 1}]}),
    (EvidenceRecorded, {"seal": "9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08"}),
    (EvidenceRecorded, {"position": 0}),
    (EvidenceRecorded, {"recorded_at": "2026-11-24"}),
    (DeadLettered, {"partition": -1}),
    (DeadLettered, {"headers": [["ce_id"]]}),
)
