"""The CSV form of a report: a row for each task."""

from session_api.routes.csv_text import Cell, csv_text
from session_api.routes.report_bodies import ReportFinding, ReportGap, SessionReport

NOT_CHECKED = "not_checked"
COLUMNS = (
    "tenant_id",
    "customer",
    "session_id",
    "step",
    "task_type",
    "title",
    "required",
    "status",
    "reason_code",
    "message",
    "remediation",
    "link",
    "run_id",
    "evidence_id",
    "position",
    "seal",
    "collected_at",
    "recorded_at",
    "expires_at",
)


def report_csv(report: SessionReport) -> str:
    """Return the findings, then the tasks that were not checked."""
    of_session = (report.tenant_id, report.customer.display_name, report.session.id)
    rows = [(*of_session, *_finding(finding)) for finding in report.findings]
    rows += [(*of_session, *_gap(gap)) for gap in report.not_checked]
    return csv_text(COLUMNS, rows)


def _finding(finding: ReportFinding) -> tuple[Cell, ...]:
    return (
        finding.step,
        finding.task_type,
        finding.title,
        finding.required,
        finding.status.value,
        finding.reason_code,
        finding.message,
        finding.remediation,
        finding.link,
        finding.run_id,
        finding.evidence_id,
        finding.position,
        finding.seal,
        finding.collected_at,
        finding.recorded_at,
        finding.expires_at,
    )


def _gap(gap: ReportGap) -> tuple[Cell, ...]:
    known = (gap.step, gap.task_type, gap.title, gap.required, NOT_CHECKED, gap.reason_code, gap.message)
    return (*known, gap.remediation, None, gap.last_run_id, None, None, None, None, None, None)
