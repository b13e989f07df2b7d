"""Evidence: passed on to evidence-store for callers who may see the tenant."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from onboarding_shared.contracts.types import CheckStatus
from onboarding_shared.web.identity import Permissions, requires
from onboarding_shared.web.operations import LINK, TenantId
from session_api.clients.evidence_store import EvidenceAnswer, EvidenceStoreClient
from session_api.routes.evidence_bodies import ChainVerification, OnboardingEvidence, SealedEvidence
from session_api.routes.links import Links
from session_api.routes.parameters import EvidenceId

_PASSED_BACK = ("link", "retry-after", "etag", "cache-control", "www-authenticate")


def _filter(name: str, description: str, example: object, **schema: Any) -> Any:
    return QueryParameter(
        name=name, description=description, examples=[Example(value=example)], schema_extra=schema or None
    )


TaskType = Annotated[str | None, _filter("taskType", "Only of this task type.", "license.inventory")]
Status = Annotated[str | None, _filter("status", "Only with this check status.", "fail", enum=[*CheckStatus, None])]
Reason = Annotated[str | None, _filter("reason_code", "Only with this reason code.", "TIME_LIMIT_EXCEEDED")]
Session = Annotated[str | None, _filter("session", "Only of this onboarding session.", "3")]
Run = Annotated[str | None, _filter("run", "Only of this run.", "17")]
Since = Annotated[str | None, _filter("since", "Recorded at this time or later (RFC 3339).", "2026-11-24T09:30:00Z")]
Until = Annotated[str | None, _filter("until", "Recorded before this time (RFC 3339).", "2026-11-25T00:00:00Z")]
Limit = Annotated[str | None, _filter("limit", "How many items at most, 1..200.", "50")]
Cursor = Annotated[
    str | None, _filter("cursor", "From the Link header of the page before.", "AAAAAAAAABGcK1uyVt4xv0Jq8rBd")
]
ExpectedLength = Annotated[
    str | None, _filter("expected_length", "A position remembered from an EvidenceRecorded event.", "2")
]
ExpectedHead = Annotated[
    str | None,
    _filter(
        "expected_head",
        "The seal at that position.",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ),
]


def known_filters(
    task_type: TaskType = None,
    status: Status = None,
    reason_code: Reason = None,
    session: Session = None,
    run: Run = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """Names the filters for the API page and the check of names; evidence-store reads and checks their values."""


class EvidenceRoutes(Controller):
    """The operations under ``/evidence``. Each is answered by evidence-store, which checks the caller once more."""

    path = "/tenants/{tenant_id:int}/onboarding/evidence"
    tags = ("evidence",)
    guards = (requires(Permissions.READ),)

    store: EvidenceStoreClient
    links: Links

    @get(
        operation_id="listEvidence",
        summary="List onboarding evidence",
        dependencies={"filters": Provide(known_filters, sync_to_thread=False)},
        response_headers=[LINK],
    )
    async def list_evidence(
        self,
        request: Request[Any, Any, Any],
        tenant_id: TenantId,
        filters: NamedDependency[None],
        limit: Limit = None,
        cursor: Cursor = None,
    ) -> Response[list[OnboardingEvidence]]:
        """One page of the items that fit every filter given, newest first; the Link header leads to the next page."""
        return await self._passed_on(request)

    @get("/verification", operation_id="verifyEvidence", summary="Check the seal of all evidence")
    async def verify_evidence(
        self,
        request: Request[Any, Any, Any],
        tenant_id: TenantId,
        expected_length: ExpectedLength = None,
        expected_head: ExpectedHead = None,
    ) -> Response[ChainVerification]:
        """Reads the whole chain. With a remembered position and seal, a chain that was sealed anew is found as well."""
        return await self._passed_on(request)

    @get("/{evidence_id:int}", operation_id="getEvidence", summary="Get one evidence item")
    async def get_evidence(
        self, request: Request[Any, Any, Any], tenant_id: TenantId, evidence_id: EvidenceId
    ) -> Response[SealedEvidence]:
        """The item with everything that is needed to compute its seal again."""
        return await self._passed_on(request)

    async def _passed_on(self, request: Request[Any, Any, Any]) -> Response[Any]:
        path = request.scope["path"]
        query = request.scope["query_string"].decode("latin-1")
        answer = await self.store.get(path, query, callers_headers(request))
        return Response(
            answer.body,
            status_code=answer.status,
            media_type=answer.headers.get("content-type", "application/json"),
            headers=_headers(answer, path, self.store, self.links),
        )


def callers_headers(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The headers of a request to evidence-store, which checks the caller's token by itself."""
    return {
        "authorization": request.headers["authorization"],
        "x-request-id": str(request.scope.get("request_id", "")),
    }


def _headers(answer: EvidenceAnswer, path: str, store: EvidenceStoreClient, links: Links) -> dict[str, str]:
    headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
    if "link" in headers:
        headers["link"] = links.rebased(headers["link"], store.url, path)
    return headers
