"""The JSON form of a report. It holds the sealed records, so that it can be verified without any service."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from onboarding_shared.contracts.reason_codes import Reason
from onboarding_shared.contracts.types import CheckStatus, SessionStatus, StepNumber
from session_api.domain.reports import Finding, NotChecked, Report, explain
from session_api.domain.sealed_records import SealedRecord
from session_api.routes.evidence_bodies import Seal

FORMAT = 1


class ReportCustomer(Struct, kw_only=True):
    """The customer; the Microsoft tenant is null while there is no provider connection."""

    tenant_id: int
    display_name: str
    external_tenant_id: str | None
    cloud: str | None


class ReportSession(Struct, kw_only=True):
    """The session; ``closed_at`` is null while it is open."""

    id: int
    status: SessionStatus
    current_step: StepNumber
    provider_connection_id: int | None
    created_at: datetime
    closed_at: datetime | None


class ReportCounts(Struct, kw_only=True):
    """The number of findings with each status, and of tasks that were not checked."""

    ok: int
    warn: int
    fail: int
    unknown: int
    not_checked: int


class ReportFinding(Struct, kw_only=True):
    """A sealed result: what was found (``message``), why (``reason_code`` and its ``meaning``), and what to do."""

    task_type: str
    title: str
    description: str
    step: StepNumber
    required: bool
    status: CheckStatus
    reason_code: str
    meaning: str | None
    message: str | None
    remediation: str | None
    link: str | None
    run_id: int
    evidence_id: int
    position: Annotated[int, Meta(ge=1, description="Position in the tenant's chain, from 1.")]
    seal: Seal
    collected_at: datetime
    recorded_at: datetime
    expires_at: datetime


class ReportGap(Struct, kw_only=True):
    """A task without a valid result, and why."""

    task_type: str
    title: str
    description: str
    step: StepNumber
    required: bool
    reason_code: str
    message: str
    remediation: str | None
    last_run_id: int | None


class ReportBreak(Struct, kw_only=True):
    """The first break of the chain; ``kind`` as in the verification of evidence."""

    position: int
    evidence_id: int | None
    kind: str
    detail: str


class ReportChain(Struct, kw_only=True, rename={"broken": "break"}):
    """The verification of the tenant's whole chain; ``verified`` is null if it could not be done."""

    verified: bool | None
    length: int | None
    head: Seal | None
    broken: ReportBreak | None


class ReportRecord(Struct, kw_only=True):
    """A sealed record. ``seal`` = SHA-256(``previous_seal`` || ``record``), as bytes."""

    position: int
    previous_seal: Seal
    seal: Seal
    record: Annotated[str, Meta(description="The sealed JSON text. Hash its UTF-8 bytes without any change.")]


class SessionReport(Struct, kw_only=True):
    """The report of a session as of one moment: the end of a closed session, else the time of the request."""

    format: int
    tenant_id: int
    generated_at: datetime
    as_of: datetime
    customer: ReportCustomer
    session: ReportSession
    counts: ReportCounts
    findings: list[ReportFinding]
    not_checked: list[ReportGap]
    chain: ReportChain
    records: list[ReportRecord]


def report_body(report: Report, reasons: Mapping[str, Reason]) -> SessionReport:
    """Return the JSON form of a report."""
    session, customer = report.session, report.session.customer
    return SessionReport(
        format=FORMAT,
        tenant_id=customer.tenant_id,
        generated_at=session.now,
        as_of=session.as_of,
        customer=ReportCustomer(
            tenant_id=customer.tenant_id,
            display_name=customer.display_name,
            external_tenant_id=customer.external_tenant_id,
            cloud=customer.cloud,
        ),
        session=ReportSession(
            id=session.id,
            status=session.status,
            current_step=session.current_step,
            provider_connection_id=session.provider_connection_id,
            created_at=session.created_at,
            closed_at=None if session.is_open else session.as_of,
        ),
        counts=ReportCounts(**report.counts),
        findings=[finding_body(finding, reasons) for finding in report.findings],
        not_checked=[gap_body(gap, reasons) for gap in report.not_checked],
        chain=_chain(report),
        records=[_record(record) for record in report.records],
    )


def finding_body(finding: Finding, reasons: Mapping[str, Reason]) -> ReportFinding:
    """Return the form of a finding."""
    task, sealed = finding.task, finding.sealed
    explanation = explain(sealed.reason_code, reasons)
    return ReportFinding(
        task_type=task.name,
        title=task.title,
        description=task.description,
        step=task.step,
        required=task.required,
        status=sealed.status,
        reason_code=sealed.reason_code,
        meaning=explanation.meaning,
        message=sealed.message,
        remediation=explanation.remediation,
        link=explanation.link,
        run_id=sealed.operation_run_id,
        evidence_id=sealed.id,
        position=sealed.position,
        seal=finding.seal,
        collected_at=sealed.finished_at,
        recorded_at=sealed.recorded_at,
        expires_at=finding.expires_at,
    )


def gap_body(gap: NotChecked, reasons: Mapping[str, Reason]) -> ReportGap:
    """Return the form of a task that was not checked."""
    return ReportGap(
        task_type=gap.task.name,
        title=gap.task.title,
        description=gap.task.description,
        step=gap.task.step,
        required=gap.task.required,
        reason_code=gap.reason_code,
        message=gap.message,
        remediation=explain(gap.reason_code, reasons).remediation,
        last_run_id=gap.task.last_run_id,
    )


def _chain(report: Report) -> ReportChain:
    chain = report.chain
    broken = None if chain.broken is None else msgspec.convert(chain.broken, ReportBreak, from_attributes=True)
    return ReportChain(verified=chain.verified, length=chain.length, head=chain.head, broken=broken)


def _record(record: SealedRecord) -> ReportRecord:
    return ReportRecord(
        position=record.position, previous_seal=record.previous_seal, seal=record.seal, record=record.record
    )
