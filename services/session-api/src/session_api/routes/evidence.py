"""Evidence: passed on to evidence-store for callers who may see the tenant."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, QueryParameter

from onboarding_shared.web.identity import Permissions, requires
from session_api.clients.evidence_store import EvidenceAnswer, EvidenceStore
from session_api.routes.links import Links
from session_api.routes.session_bodies import ChainVerification, OnboardingEvidence

_ALL = "/tenants/{tenant_id:int}/onboarding/evidence"
_PASSED_BACK = ("link", "retry-after", "etag", "cache-control", "www-authenticate")


def _filter(name: str, description: str) -> Any:
    return QueryParameter(name=name, description=description)


def evidence_routes(store: EvidenceStore, links: Links) -> list[HTTPRouteHandler]:
    """The handlers of everything under ``/evidence``. What a filter may be is for evidence-store to say."""

    async def ask(request: Request[Any, Any, Any]) -> Response[Any]:
        path = request.scope["path"]
        answer = await store.get(path, request.scope["query_string"].decode("latin-1"), callers_headers(request))
        return Response(
            answer.body,
            status_code=answer.status,
            media_type=answer.headers.get("content-type", "application/json"),
            headers=_headers(answer, path, store, links),
        )

    @get(_ALL, guards=[requires(Permissions.READ)], summary="List onboarding evidence")
    async def list_evidence(
        request: Request[Any, Any, Any],
        tenant_id: FromPath[int],
        task_type: Annotated[str | None, _filter("taskType", "Only of this task type.")] = None,
        status: Annotated[str | None, _filter("status", "Only with this check status.")] = None,
        reason_code: Annotated[str | None, _filter("reason_code", "Only with this reason code.")] = None,
        session: Annotated[str | None, _filter("session", "Only of this onboarding session.")] = None,
        run: Annotated[str | None, _filter("run", "Only of this run.")] = None,
        since: Annotated[str | None, _filter("since", "Recorded at this moment or later (RFC 3339).")] = None,
        until: Annotated[str | None, _filter("until", "Recorded before this moment (RFC 3339).")] = None,
        limit: Annotated[str | None, _filter("limit", "How many items at most, 1..200.")] = None,
        cursor: Annotated[str | None, _filter("cursor", "From the Link header of the page before.")] = None,
    ) -> Response[list[OnboardingEvidence]]:
        return await ask(request)

    @get(f"{_ALL}/verification", guards=[requires(Permissions.READ)], summary="Check the seal of all evidence")
    async def verify_evidence(
        request: Request[Any, Any, Any],
        tenant_id: FromPath[int],
        expected_length: Annotated[str | None, _filter("expected_length", "Position of a known item.")] = None,
        expected_head: Annotated[str | None, _filter("expected_head", "Seal of that item.")] = None,
    ) -> Response[ChainVerification]:
        return await ask(request)

    @get(f"{_ALL}/{{evidence_id:int}}", guards=[requires(Permissions.READ)], summary="Get one evidence item")
    async def get_evidence(
        request: Request[Any, Any, Any], tenant_id: FromPath[int], evidence_id: FromPath[int]
    ) -> Response[OnboardingEvidence]:
        return await ask(request)

    return [list_evidence, verify_evidence, get_evidence]


def callers_headers(request: Request[Any, Any, Any]) -> dict[str, str]:
    """What a request of the caller's has to carry to evidence-store, which asks who is calling by itself."""
    return {
        "authorization": request.headers["authorization"],
        "x-request-id": str(request.scope.get("request_id", "")),
    }


def _headers(answer: EvidenceAnswer, path: str, store: EvidenceStore, links: Links) -> dict[str, str]:
    headers = {name: answer.headers[name] for name in _PASSED_BACK if name in answer.headers}
    if "link" in headers:
        headers["link"] = links.rebased(headers["link"], store.url, path)
    return headers
