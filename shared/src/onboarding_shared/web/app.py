"""Builds the HTTP application of a service: its routes under the rules that hold for all of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from litestar import Litestar, Request
from litestar.di import Provide
from litestar.middleware import DefineMiddleware
from litestar.routes import HTTPRoute
from litestar.types import ControllerRouterHandler, Receive, Scope, Send
from msgspec import Struct

from onboarding_shared.telemetry.health import HealthCheck, HealthProbes
from onboarding_shared.telemetry.metrics import MetricsPage
from onboarding_shared.web.api_page import ApiPage, api_page, installed_files
from onboarding_shared.web.asyncapi_page import ASYNCAPI_PATHS, asyncapi_routes
from onboarding_shared.web.cors import Cors, HttpApp
from onboarding_shared.web.edge import Edge
from onboarding_shared.web.errors import CODES
from onboarding_shared.web.front_page import PATH as FRONT_PAGE_PATH
from onboarding_shared.web.front_page import front_page
from onboarding_shared.web.identity import Authenticator, Caller
from onboarding_shared.web.openapi_page import PUBLIC_SCHEMA_PATHS, describe_problems, openapi_config
from onboarding_shared.web.openapi_parameters import describe_parameters, describe_request_ids
from onboarding_shared.web.openapi_patterns import publish_portable_patterns
from onboarding_shared.web.openapi_permissions import describe_permissions
from onboarding_shared.web.openapi_tags import describe_entity_tags
from onboarding_shared.web.operator_pages import OPERATOR_PATHS, operator_routes
from onboarding_shared.web.problem_responses import ProblemResponses, Translation
from onboarding_shared.web.rate_limit import RateLimit
from onboarding_shared.web.request_body import MAX_BODY_BYTES, JsonRequest
from onboarding_shared.web.route_rules import RouteFacts, RouteRules, facts_of

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[Any]] | AbstractAsyncContextManager[Any]


class ApiDescription(Struct, frozen=True, kw_only=True):
    """The head of the OpenAPI page; ``codes`` explains the problem codes that the service adds to the common ones."""

    title: str
    version: str = "1.0.0"
    text: str = ""
    codes: Mapping[str, str] = MappingProxyType({})


class HttpApplication(Litestar):
    """A Litestar application behind the edge. ``operator_pages`` serves health and metrics where they have a port.

    The server calls ``before_drain`` when it stops, before it waits for the requests that are under way.
    """

    edge: HttpApp
    before_drain: Callable[[], None] | None = None
    operator_pages: "OperatorPages | None" = None

    async def route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application behind the edge."""
        await super().__call__(scope, receive, send)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await (self.edge(scope, receive, send) if scope["type"] == "http" else super().__call__(scope, receive, send))


@dataclass(frozen=True)
class OperatorPages:
    """The application of the port for health and metrics, and the probes that it reports."""

    app: HttpApplication
    ready: HealthProbes


def build_http(
    description: ApiDescription,
    *,
    authenticator: Authenticator | None,
    routes: Sequence[ControllerRouterHandler] = (),
    checks: Sequence[HealthCheck] = (),
    lifespan: Sequence[Lifespan] = (),
    translations: Mapping[type[Exception], Translation] | None = None,
    public_paths: Collection[str] = (),
    metrics: MetricsPage | None = None,
    rate_limit: RateLimit | None = None,
    health_apart: bool = False,
    get_only_paths: Collection[str] = (),
    cors_origins: Collection[str] = (),
) -> HttpApplication:
    """The application: ``routes``, plus ``/health/live``, ``/health/ready``, ``/metrics`` and ``/schema``.

    With an authenticator ``/``, ``/docs`` and ``/asyncapi`` are there too, for people. Every path needs a bearer token
    except these, health, metrics, schema and ``public_paths`` (exact paths). ``authenticator`` may be ``None`` only
    when all routes are public. ``checks`` decide readiness, ``translations`` turns exceptions of the service into
    problems, ``metrics`` is the service's own page, ``rate_limit`` counts authenticated requests.
    Where there is GET there is HEAD, except at ``get_only_paths`` (exact paths), whose GET has effects.
    With ``health_apart`` health and metrics are in ``operator_pages``, and nothing is at their paths here.
    Pages of ``cors_origins`` may read the answers in browsers. Handlers may request ``caller`` (the ``Caller``).

    Raises ``ValueError`` if there is no authenticator and a route is not public.
    """
    codes = {**CODES, **description.codes}
    problems = ProblemResponses(codes, translations or {})
    identity = [HealthCheck("identity", authenticator.check)] if authenticator else []
    ready = HealthProbes([*checks, *identity])
    page = metrics or MetricsPage(description.title, description.version)
    page.watch(ready)
    if authenticator:
        page.add(authenticator.gauges())
    operator_routes_here = [] if health_apart else operator_routes(ready, page)
    pages = _pages_for_people(description) if authenticator else ApiPage((), frozenset())
    public = PUBLIC_SCHEMA_PATHS | OPERATOR_PATHS | pages.paths | frozenset(public_paths)
    app = _application(
        [*routes, *operator_routes_here, *pages.routes],
        problems,
        dependencies={"caller": Provide(current_caller, sync_to_thread=False)},
        lifespan=list(lifespan),
        openapi_config=openapi_config(description.title, description.version, description.text, codes),
    )
    publish_portable_patterns(app.openapi_schema)
    describe_entity_tags(app.openapi_schema)
    describe_problems(app.openapi_schema, codes)
    describe_permissions(app)
    describe_parameters(app.openapi_schema)
    describe_request_ids(app.openapi_schema)
    _check_no_route_is_open(app, authenticator, public)
    edge = Edge(
        app.route,
        authenticator=authenticator,
        public_paths=public,
        quiet_paths=() if health_apart else OPERATOR_PATHS,
        problems=problems,
        requests=page.requests,
        rate_limit=rate_limit,
        get_only_paths=get_only_paths,
    )
    app.edge = Cors(edge, cors_origins) if cors_origins else edge
    app.operator_pages = _operator_pages(problems, ready, page) if health_apart else None
    return app


def _pages_for_people(description: ApiDescription) -> ApiPage:
    """The page at ``/``, the API page, and the page of the messages."""
    docs = api_page(description.title, installed_files())
    front = front_page(description.title, description.version, description.text)
    return ApiPage([front, *docs.routes, *asyncapi_routes()], docs.paths | ASYNCAPI_PATHS | {FRONT_PAGE_PATH})


def _operator_pages(problems: ProblemResponses, ready: HealthProbes, page: MetricsPage) -> OperatorPages:
    app = _application(operator_routes(ready, page), problems, openapi_config=None)
    app.edge = Edge(
        app.route,
        authenticator=None,
        public_paths=OPERATOR_PATHS,
        quiet_paths=OPERATOR_PATHS,
        problems=problems,
        requests=page.requests,
    )
    return OperatorPages(app, ready)


def _application(routes: Sequence[ControllerRouterHandler], problems: ProblemResponses, **more: Any) -> HttpApplication:
    facts: dict[int, RouteFacts] = {}
    app = HttpApplication(
        route_handlers=list(routes),
        exception_handlers=problems.handlers(),
        middleware=[DefineMiddleware(RouteRules, facts=facts)],
        request_class=JsonRequest,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
        **more,
    )
    facts.update(facts_of(app))
    return app


def current_caller(request: Request[Any, Any, Any]) -> Caller:
    """The authenticated caller, for routes that ask for ``caller``."""
    return request.scope["user"]


def _check_no_route_is_open(app: Litestar, authenticator: Authenticator | None, public: Collection[str]) -> None:
    paths = {
        route.path for route in app.routes if isinstance(route, HTTPRoute) and not route.path.startswith("/schema")
    }
    if authenticator is None and (open_paths := sorted(paths - set(public))):
        raise ValueError(f"these routes need an authenticator or must be public_paths: {', '.join(open_paths)}")
