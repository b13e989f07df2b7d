"""The report of a session, in four forms."""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from litestar import Controller, MediaType, Request, Response, get
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from onboarding_shared.web.callers import while_connected
from onboarding_shared.web.errors import DependencyDown, Problem, TooManyRequests
from onboarding_shared.web.identity import Caller, Permissions, requires
from onboarding_shared.web.operations import TenantId
from onboarding_shared.web.paging import refuse_nulls
from session_api.routes import csv_text, report_oscal
from session_api.routes.evidence import callers_headers
from session_api.routes.parameters import SessionId
from session_api.routes.problems import session_problem
from session_api.routes.report_bodies import SessionReport, report_body
from session_api.routes.report_csv import report_csv
from session_api.routes.report_html import HEADERS, report_html
from session_api.use_cases.reasons import ReasonCodes
from session_api.use_cases.report_turns import TooManyReports
from session_api.use_cases.reports import Reports
from session_api.use_cases.sessions import NoSuchSession

_RETRY_SECONDS = 5.0


class ReportFormat(StrEnum):
    """The forms of a report."""

    JSON = "json"
    HTML = "html"
    CSV = "csv"
    OSCAL = "oscal"


MEDIA_TYPES = {
    "application/json": ReportFormat.JSON,
    "text/html": ReportFormat.HTML,
    csv_text.MEDIA_TYPE: ReportFormat.CSV,
    report_oscal.MEDIA_TYPE: ReportFormat.OSCAL,
}

Format = Annotated[
    ReportFormat | None,
    QueryParameter(
        name="format",
        description="The form of the report; without it the Accept header decides, and JSON is the first choice.",
        examples=[Example(value="json")],
    ),
]


def too_many_reports(refused: TooManyReports) -> Problem:
    """The problem of a caller, or of a process, for which too many reports are made or wait."""
    if refused.of_caller:
        message = "The caller waits for as many reports as it may"
        return TooManyRequests("TOO_MANY_REPORTS", message, retry_after=_RETRY_SECONDS)
    return DependencyDown("REPORTS_FULL", "No further report can wait here", retry_after=_RETRY_SECONDS)


class ReportRoutes(Controller):
    """The operation ``/session/{id}/report``."""

    path = "/tenants/{tenant_id:int}/onboarding/session/{session_id:int}/report"
    tags = ("sessions",)
    guards = (requires(Permissions.READ),)

    reports: Reports
    reasons: ReasonCodes

    @get(operation_id="getSessionReport", summary="Get the report of a session")
    async def get_report(
        self, request: Request[Caller, Any, Any], tenant_id: TenantId, session_id: SessionId, wanted: Format = None
    ) -> Response[SessionReport]:
        """Return what was found, what was not checked and why, at the end of a closed session, else now.

        HTML is a printable page, JSON has the sealed records for `evidence-store verify`, CSV has a row for each task,
        OSCAL is NIST's assessment results 1.1.3.
        """
        refuse_nulls(request, format=wanted)
        making = self.reports.make(tenant_id, session_id, request.user.user_id, callers_headers(request))
        report = await while_connected(request, making)
        if report is None:
            raise session_problem(NoSuchSession())
        chosen = wanted or MEDIA_TYPES[request.accept.best_match([*MEDIA_TYPES], "application/json")]
        return _response(report_body(report, await self.reasons.current()), chosen)


def _response(report: SessionReport, chosen: ReportFormat) -> Response[Any]:
    name = f"onboarding-report-{report.tenant_id}-{report.session.id}"
    headers = {"Vary": "Accept"}
    match chosen:
        case ReportFormat.HTML:
            page = report_html(report)
            return Response(page, media_type=MediaType.HTML, headers={**headers, **HEADERS})
        case ReportFormat.CSV:
            attached = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
            table = report_csv(report).encode()
            return Response(table, media_type=csv_text.MEDIA_TYPE, headers={**headers, **attached})
        case ReportFormat.OSCAL:
            attached = {"Content-Disposition": f'attachment; filename="{name}.oscal.json"'}
            document = msgspec.json.encode(report_oscal.report_oscal(report))
            return Response(document, media_type=report_oscal.MEDIA_TYPE, headers={**headers, **attached})
        case ReportFormat.JSON:
            attached = {"Content-Disposition": f'attachment; filename="{name}.json"'}
            return Response(report, headers={**headers, **attached})
