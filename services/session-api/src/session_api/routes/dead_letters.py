"""Dead letters of session-api, and those of evidence-store by its own API."""

from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

from litestar import Controller, Request, Response
from litestar.di import Provide
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions
from onboarding_shared.messaging.dead_letter_routes import DeadLetterRoutes
from onboarding_shared.web.controllers import with_parts
from session_api.clients.evidence_store import EvidenceStoreClient
from session_api.routes.evidence import answer_of_store, callers_headers
from session_api.routes.links import Links

_SERVICE = "service"
Service = Annotated[
    Literal["session-api", "evidence-store"],
    QueryParameter(
        name=_SERVICE,
        description="Whose dead letters; evidence-store authorizes the caller again.",
        examples=[Example(value="evidence-store")],
    ),
]


def service_of(service: Service = "session-api") -> None:
    """Declare the parameter for the API page and for the check of parameter names."""


def dead_letter_routes(
    actions: DeadLetterActions, store: EvidenceStoreClient, links: Links, public_url: str
) -> type[Controller]:
    """Return the operations on dead letters, of which those for evidence-store are forwarded."""

    async def forward(request: Request[Any, Any, Any]) -> Response[Any] | None:
        query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if (_SERVICE, "evidence-store") not in query:
            return None
        rest = urlencode([(name, value) for name, value in query if name != _SERVICE])
        body = await request.body()
        headers = callers_headers(request) | ({"content-type": "application/json"} if body else {})
        path = request.scope["path"]
        answer = await store.send(request.method, path, rest, headers, body or None)
        response = answer_of_store(answer, path, store, links)
        if "link" in response.headers:
            response.headers["link"] = response.headers["link"].replace(">", f"&{_SERVICE}=evidence-store>", 1)
        return response

    routes = with_parts(DeadLetterRoutes, actions=actions, public_url=public_url)
    given = {"before_request": forward, "dependencies": {"place": Provide(service_of, sync_to_thread=False)}}
    return type(DeadLetterRoutes.__name__, (routes,), {**given, "__doc__": DeadLetterRoutes.__doc__})
