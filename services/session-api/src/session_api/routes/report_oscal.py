"""The OSCAL form of a report: assessment results, with a task type as control and its being ok as objective."""

from collections.abc import Mapping
from uuid import NAMESPACE_URL, uuid5

from onboarding_shared.contracts.types import CheckStatus
from session_api.routes.oscal_bodies import (
    OSCAL_VERSION,
    AssessmentResults,
    BackMatter,
    Control,
    ControlSelection,
    Metadata,
    ObjectiveStatus,
    Observation,
    OscalDocument,
    OscalFinding,
    Party,
    Property,
    Reference,
    RelatedObservation,
    RelevantEvidence,
    Resource,
    Result,
    ReviewedControls,
    Target,
)
from session_api.routes.report_bodies import ReportFinding, SessionReport

MEDIA_TYPE = "application/oscal+json"
NAMESPACE = "urn:onboarding:oscal"
_ROOT = uuid5(NAMESPACE_URL, NAMESPACE)
_STATES = {
    CheckStatus.OK: ObjectiveStatus(state="satisfied", reason="pass"),
    CheckStatus.WARN: ObjectiveStatus(state="satisfied", reason="other"),
    CheckStatus.FAIL: ObjectiveStatus(state="not-satisfied", reason="fail"),
    CheckStatus.UNKNOWN: ObjectiveStatus(state="not-satisfied", reason="other"),
}
"""OSCAL has two states. Unknown is never satisfied; the verdict itself is a property of the observation."""


def report_oscal(report: SessionReport) -> OscalDocument:
    """Return the document. Its ids are the same whenever it is made of the same state of the same evidence."""
    customer = _line(report.customer.display_name) or f"Tenant {report.tenant_id}"
    plan = _uuid("plan")
    return OscalDocument(
        assessment_results=AssessmentResults(
            uuid=_uuid(report.tenant_id, report.session.id, report.generated_at),
            metadata=Metadata(
                title=f"Onboarding of {customer}",
                last_modified=report.generated_at,
                version=str(report.format),
                oscal_version=OSCAL_VERSION,
                parties=[Party(uuid=_uuid("tenant", report.tenant_id), type="organization", name=customer)],
            ),
            import_ap=Reference(href=f"#{plan}"),
            results=[_result(report)],
            back_matter=BackMatter(
                resources=[
                    Resource(
                        uuid=plan,
                        title="Assessment plan",
                        description="The task types of the onboarding wizard, as their authors declare them.",
                    )
                ]
            ),
        )
    )


def _result(report: SessionReport) -> Result:
    session, chain = report.session, report.chain
    verified = "unknown" if chain.verified is None else "true" if chain.verified else "false"
    facts = {
        "tenant-id": report.tenant_id,
        "external-tenant-id": report.customer.external_tenant_id,
        "session-id": session.id,
        "session-status": session.status.value,
        "chain-verified": verified,
        "chain-length": chain.length,
        "chain-head": chain.head,
    }
    gaps = [f"{gap.task_type} was not checked ({gap.reason_code}): {gap.message}" for gap in report.not_checked]
    return Result(
        uuid=_uuid(report.tenant_id, session.id, report.as_of, "result"),
        title=f"Onboarding session {session.id}",
        description="The verdicts that counted at the end, each with its sealed evidence.",
        start=session.created_at,
        end=report.as_of,
        props=_properties(facts),
        reviewed_controls=ReviewedControls(control_selections=[_selection(report)]),
        observations=[_observation(report, finding) for finding in report.findings] or None,
        findings=[_finding(report, finding) for finding in report.findings] or None,
        remarks="\n\n".join(gaps) or None,
    )


def _selection(report: SessionReport) -> ControlSelection:
    included = [Control(control_id=finding.task_type) for finding in report.findings]
    excluded = [Control(control_id=gap.task_type) for gap in report.not_checked]
    return ControlSelection(
        description="Task types with a verdict; those without one are excluded.",
        include_controls=included or None,
        include_all=None if included else {},
        exclude_controls=excluded or None,
    )


def _observation(report: SessionReport, finding: ReportFinding) -> Observation:
    facts = {
        "verdict": finding.status.value,
        "reason-code": finding.reason_code,
        "evidence-id": finding.evidence_id,
        "run-id": finding.run_id,
        "chain-position": finding.position,
        "seal": finding.seal,
    }
    where = f"/tenants/{report.tenant_id}/onboarding/evidence/{finding.evidence_id}"
    return Observation(
        uuid=_uuid(report.tenant_id, finding.evidence_id, "observation"),
        title=_line(finding.title) or finding.task_type,
        description=finding.message or finding.meaning or finding.reason_code,
        props=_properties(facts),
        methods=["TEST"],
        relevant_evidence=[
            RelevantEvidence(href=where, description=f"The sealed record at position {finding.position}.")
        ],
        collected=finding.collected_at,
        expires=finding.expires_at,
    )


def _finding(report: SessionReport, finding: ReportFinding) -> OscalFinding:
    return OscalFinding(
        uuid=_uuid(report.tenant_id, finding.evidence_id, "finding"),
        title=_line(finding.title) or finding.task_type,
        description=finding.meaning or finding.message or finding.reason_code,
        target=Target(type="objective-id", target_id=finding.task_type, status=_STATES[finding.status]),
        related_observations=[
            RelatedObservation(observation_uuid=_uuid(report.tenant_id, finding.evidence_id, "observation"))
        ],
        remarks=finding.remediation,
    )


def _properties(facts: Mapping[str, int | str | None]) -> list[Property]:
    return [Property(name=name, ns=NAMESPACE, value=str(value)) for name, value in facts.items() if value is not None]


def _line(text: str) -> str:
    """The text in one line without spaces around it, as OSCAL wants titles and names."""
    return " ".join(text.split())


def _uuid(*parts: object) -> str:
    return str(uuid5(_ROOT, "/".join(map(str, parts))))
