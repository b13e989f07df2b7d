"""Evidence: authorized requests are forwarded to evidence-store."""

from typing import Annotated, Any

from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import Example, OpenAPIFormat, OpenAPIType
from litestar.params import QueryParameter

from onboarding_shared.contracts.types import MAX_ID, CheckStatus
from onboarding_shared.web.callers import while_connected
from onboarding_shared.web.identity import Permissions, requires
from onboarding_shared.web.operations import LINK, TenantId
from session_api.clients.evidence_store import EvidenceAnswer, EvidenceStoreClient
from session_api.routes.evidence_bodies import ChainVerification, OnboardingEvidence, SealedEvidence
from session_api.routes.links import Links
from session_api.routes.parameters import EvidenceId

_FORWARDED_HEADERS = ("link", "retry-after", "etag", "cache-control", "www-authenticate")


def _filter(name: str, description: str, example: object, **schema: Any) -> Any:
    return QueryParameter(
        name=name, description=description, examples=[Example(value=example)], schema_extra=schema or None
    )


_ID = {"type": OpenAPIType.INTEGER, "minimum": 1, "maximum": MAX_ID}
_TIME = {"format": OpenAPIFormat.DATE_TIME}

TaskType = Annotated[str | None, _filter("taskType", "Only evidence of this task type.", "license.inventory")]
Status = Annotated[str | None, _filter("status", "Only evidence with this check status.", "fail", enum=[*CheckStatus])]
Reason = Annotated[str | None, _filter("reason_code", "Only evidence with this reason code.", "TIME_LIMIT_EXCEEDED")]
Session = Annotated[str | None, _filter("session", "Only evidence of this session.", 3, **_ID)]
Run = Annotated[str | None, _filter("run", "Only evidence of this run.", 17, **_ID)]
Since = Annotated[
    str | None, _filter("since", "Recorded at this time or later (RFC 3339).", "2026-11-24T09:30:00Z", **_TIME)
]
Until = Annotated[
    str | None, _filter("until", "Recorded before this time (RFC 3339).", "2026-11-25T00:00:00Z", **_TIME)
]
Limit = Annotated[
    str | None,
    _filter("limit", "Maximum number of items, 1..200.", 50, type=OpenAPIType.INTEGER, minimum=1, maximum=200),
]
Cursor = Annotated[
    str | None, _filter("cursor", "Cursor from the Link header of the previous page.", "AAAAAAAAABGcK1uyVt4xv0Jq8rBd")
]
ExpectedLength = Annotated[
    str | None,
    _filter(
        "expected_length",
        "Position in an earlier EvidenceRecorded event of the tenant.",
        2,
        type=OpenAPIType.INTEGER,
        minimum=0,
        maximum=MAX_ID,
    ),
]
ExpectedHead = Annotated[
    str | None,
    _filter(
        "expected_head",
        "Seal in the same event.",
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
    """Declare the filters for the API page and for the check of parameter names; evidence-store reads the values."""


class EvidenceRoutes(Controller):
    """The operations under ``/evidence``, forwarded to evidence-store, which authorizes the caller again."""

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
        """Return one page of the evidence that matches all filters, newest first. The Link header has the next page."""
        return await self._forward(request)

    @get("/verification", operation_id="verifyEvidence", summary="Verify the tenant's chain of evidence")
    async def verify_evidence(
        self,
        request: Request[Any, Any, Any],
        tenant_id: TenantId,
        expected_length: ExpectedLength = None,
        expected_head: ExpectedHead = None,
    ) -> Response[ChainVerification]:
        """Verify the whole chain. With an expected position and seal, a chain that was sealed again is found too."""
        return await while_connected(request, self._forward(request))

    @get("/{evidence_id:int}", operation_id="getEvidence", summary="Get one item of evidence with its sealed record")
    async def get_evidence(
        self, request: Request[Any, Any, Any], tenant_id: TenantId, evidence_id: EvidenceId
    ) -> Response[SealedEvidence]:
        """Return the item with the sealed record and the previous seal, from which its seal can be computed."""
        return await self._forward(request)

    async def _forward(self, request: Request[Any, Any, Any]) -> Response[Any]:
        path = request.scope["path"]
        query = request.scope["query_string"].decode("latin-1")
        answer = await self.store.get(path, query, callers_headers(request))
        return answer_of_store(answer, path, self.store, self.links)


def answer_of_store(answer: EvidenceAnswer, path: str, store: EvidenceStoreClient, links: Links) -> Response[Any]:
    """Return the answer of evidence-store as one of this API."""
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=answer.headers.get("content-type", "application/json"),
        headers=_headers(answer, path, store, links),
    )


def callers_headers(request: Request[Any, Any, Any]) -> dict[str, str]:
    """Return the headers of a request to evidence-store: the caller's token and request id."""
    return {
        "authorization": request.headers["authorization"],
        "x-request-id": str(request.scope.get("request_id", "")),
    }


def _headers(answer: EvidenceAnswer, path: str, store: EvidenceStoreClient, links: Links) -> dict[str, str]:
    headers = {name: answer.headers[name] for name in _FORWARDED_HEADERS if name in answer.headers}
    if "link" in headers:
        headers["link"] = links.rebased(headers["link"], store.url, path)
    return headers
