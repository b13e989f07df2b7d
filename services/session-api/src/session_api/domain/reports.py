"""The report of a session: what was found, what was not checked, and why.

A finding repeats a sealed record. A task without a valid result at the time of the report was not checked.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from onboarding_shared.contracts.reason_codes import Reason
from onboarding_shared.contracts.types import CheckStatus, SessionStatus
from session_api.domain.freshness import (
    EVIDENCE_STALE,
    LONGEST_FRESH_SECONDS,
    NO_CONNECTION_CHOSEN,
    LatestResult,
    current_result,
)
from session_api.domain.sealed_records import SealedFields, SealedRecord, read_sealed
from session_api.domain.sessions import OPEN

NOT_CHECKED = "not_checked"
EVIDENCE_MISSING = "EVIDENCE_MISSING"
EVIDENCE_ALTERED = "EVIDENCE_ALTERED"


@dataclass(frozen=True, slots=True)
class Customer:
    """The customer of a report; the Microsoft tenant is None while there is no provider connection."""

    tenant_id: int
    display_name: str
    external_tenant_id: str | None
    cloud: str | None


@dataclass(frozen=True, slots=True)
class ReportedSession:
    """The session of a report, and its time: the end of a closed session, else ``now``."""

    id: int
    customer: Customer
    status: SessionStatus
    current_step: int
    provider_connection_id: int | None
    created_at: datetime
    as_of: datetime
    now: datetime

    @property
    def is_open(self) -> bool:
        """True while the session may be changed."""
        return self.status in OPEN


@dataclass(frozen=True, slots=True)
class CountedRun:
    """The run of a task that counted at the time of the report."""

    id: int
    status: CheckStatus
    reason_code: str | None
    message: str | None
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class ReportedTask:
    """A task type, and the run that counted. ``not_chosen``: it is open of which connection that would be."""

    name: str
    title: str
    description: str
    step: int
    required: bool
    fresh_seconds: float
    not_chosen: bool
    last_run_id: int | None
    run: CountedRun | None


@dataclass(frozen=True, slots=True)
class Finding:
    """A sealed result."""

    task: ReportedTask
    sealed: SealedFields
    seal: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NotChecked:
    """A task without a valid result, and the reason."""

    task: ReportedTask
    reason_code: str
    message: str


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first break of a chain."""

    position: int
    evidence_id: int | None
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """The verification of the tenant's whole chain; ``verified`` is None if it could not be done."""

    verified: bool | None
    length: int | None = None
    head: str | None = None
    broken: ChainBreak | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a session. ``records`` are those of the findings, by position."""

    session: ReportedSession
    findings: tuple[Finding, ...]
    not_checked: tuple[NotChecked, ...]
    chain: ChainCheck
    records: tuple[SealedRecord, ...]

    @property
    def counts(self) -> Mapping[str, int]:
        """The number of findings with each status, and of tasks that were not checked."""
        counter = Counter(finding.sealed.status for finding in self.findings)
        return {**{status.value: counter[status] for status in CheckStatus}, NOT_CHECKED: len(self.not_checked)}


def runs_to_read(tasks: Sequence[ReportedTask]) -> list[int]:
    """Return the ids of the runs whose records a report needs."""
    return [task.run.id for task in tasks if task.run is not None]


def make_report(
    session: ReportedSession, tasks: Sequence[ReportedTask], records: Sequence[SealedRecord], chain: ChainCheck
) -> Report:
    """Return the report of these tasks, in their order."""
    by_run = {record.run_id: record for record in records}
    judged = [_judge(session, task, by_run.get(task.run.id) if task.run else None) for task in tasks]
    findings = tuple(item for item in judged if isinstance(item, Finding))
    reported = {finding.sealed.id for finding in findings}
    return Report(
        session=session,
        findings=findings,
        not_checked=tuple(item for item in judged if isinstance(item, NotChecked)),
        chain=chain,
        records=tuple(sorted((r for r in records if r.id in reported), key=lambda record: record.position)),
    )


def _judge(session: ReportedSession, task: ReportedTask, record: SealedRecord | None) -> Finding | NotChecked:
    run = task.run
    if task.not_chosen:
        return NotChecked(task, NO_CONNECTION_CHOSEN.reason_code or "", NO_CONNECTION_CHOSEN.message or "")
    if run is None:
        current = current_result(None, task.last_run_id, session.as_of)
        return NotChecked(task, current.reason_code or "", current.message or "")
    if record is None:
        message = f"Run {run.id} ended with {run.status}, but the evidence store has no record of it."
        return NotChecked(task, EVIDENCE_MISSING, message)
    sealed = read_sealed(record)
    if sealed is None or not _is_of(sealed, session, task, run):
        message = f"The record of run {run.id} at position {record.position} is not what was sealed for this run."
        return NotChecked(task, EVIDENCE_ALTERED, message)
    latest = LatestResult(sealed.status, sealed.reason_code, sealed.message, run.finished_at, task.fresh_seconds)
    current = current_result(latest, run.id, session.as_of)
    if current.reason_code == EVIDENCE_STALE:
        return NotChecked(task, EVIDENCE_STALE, current.message or "")
    return Finding(task, sealed, record.seal, _expiry(session, task, run))


def _is_of(sealed: SealedFields, session: ReportedSession, task: ReportedTask, run: CountedRun) -> bool:
    stated = (sealed.tenant_id, sealed.operation_run_id, sealed.task_type, sealed.status, sealed.reason_code)
    return stated == (session.customer.tenant_id, run.id, task.name, run.status, run.reason_code)


def _expiry(session: ReportedSession, task: ReportedTask, run: CountedRun) -> datetime:
    finished_at = min(run.finished_at, session.as_of)
    return finished_at + timedelta(seconds=min(task.fresh_seconds, LONGEST_FRESH_SECONDS))


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a reason code is given, and what to do about it; None where the catalogue does not have the code."""

    meaning: str | None
    remediation: str | None
    link: str | None


def explain(reason_code: str, reasons: Mapping[str, Reason]) -> Explanation:
    """Return what the catalogue says about a reason code."""
    reason = reasons.get(reason_code)
    if reason is None:
        return Explanation(None, None, None)
    return Explanation(reason.meaning, reason.remediation, reason.link)
