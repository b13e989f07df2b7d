"""Builds the HTTP application of a service: its routes under the rules that hold for all of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Any, cast

from litestar import Litestar, Request, Response, get
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.routes import HTTPRoute
from litestar.types import (
    ControllerRouterHandler,
    HTTPScope,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Receive,
    Scope,
    Send,
)
from msgspec import Struct

from onboarding_shared.telemetry.health import HealthCheck, HealthProbes, HealthReport
from onboarding_shared.telemetry.metrics import CONTENT_TYPE, MetricsPage
from onboarding_shared.web.edge import Edge
from onboarding_shared.web.errors import CODES
from onboarding_shared.web.identity import Authenticator, Caller
from onboarding_shared.web.openapi_page import PUBLIC_SCHEMA_PATHS, describe_problems, openapi_config
from onboarding_shared.web.problem_responses import ProblemResponses, Translation
from onboarding_shared.web.rate_limit import RateLimit
from onboarding_shared.web.request_body import MAX_BODY_BYTES, JsonRequest
from onboarding_shared.web.route_rules import RouteFacts, RouteRules, facts_of

LIVE = "/health/live"
READY = "/health/ready"
METRICS = "/metrics"

_OPERATORS = frozenset({LIVE, READY, METRICS})

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[Any]] | AbstractAsyncContextManager[Any]


class ApiDescription(Struct, frozen=True, kw_only=True):
    """The head of the OpenAPI page; ``codes`` explains the problem codes that the service adds to the common ones."""

    title: str
    version: str = "1.0.0"
    text: str = ""
    codes: Mapping[str, str] = MappingProxyType({})


class HttpApplication(Litestar):
    """A Litestar application behind the edge."""

    edge: Edge

    async def route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application behind the edge."""
        await super().__call__(scope, receive, send)

    async def __call__(
        self, scope: Scope | LifeSpanScope, receive: Receive | LifeSpanReceive, send: Send | LifeSpanSend
    ) -> None:
        if scope["type"] == "http":
            await self.edge(cast("HTTPScope", scope), cast("Receive", receive), cast("Send", send))
        else:
            await super().__call__(scope, receive, send)


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
) -> HttpApplication:
    """The application: ``routes``, plus ``/health/live``, ``/health/ready``, ``/metrics`` and ``/schema``.

    Every path needs a bearer token except health, metrics, schema and ``public_paths`` (exact paths). ``authenticator``
    may be ``None`` only when all routes are public. ``checks`` decide readiness, ``translations`` turns exceptions of
    the service into problems, ``metrics`` is the service's own page, ``rate_limit`` counts authenticated requests.
    Handlers may request ``caller`` (the ``Caller``).

    Raises ``ValueError`` if there is no authenticator and a route is not public.
    """
    codes = {**CODES, **description.codes}
    problems = ProblemResponses(codes, translations or {})
    facts: dict[int, RouteFacts] = {}
    identity = [HealthCheck("identity", authenticator.check)] if authenticator else []
    ready = HealthProbes([*checks, *identity])
    page = metrics or MetricsPage(description.title, description.version)
    page.watch(ready)
    if authenticator:
        page.add(authenticator.gauges())
    public = PUBLIC_SCHEMA_PATHS | _OPERATORS | frozenset(public_paths)
    app = HttpApplication(
        route_handlers=[*routes, *health_routes(HealthProbes(()), ready), metrics_route(page)],
        dependencies={"caller": Provide(current_caller, sync_to_thread=False)},
        exception_handlers=problems.handlers(),
        middleware=[DefineMiddleware(RouteRules, facts=facts)],
        lifespan=list(lifespan),
        openapi_config=openapi_config(description.title, description.version, description.text, codes),
        request_class=JsonRequest,
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        debug=False,
        pdb_on_exception=False,
    )
    facts.update(facts_of(app))
    describe_problems(app.openapi_schema, codes)
    _check_no_route_is_open(app, authenticator, public)
    app.edge = _edge(app, authenticator, public, problems, page, rate_limit)
    return app


def _edge(
    app: HttpApplication,
    authenticator: Authenticator | None,
    public: Collection[str],
    problems: ProblemResponses,
    page: MetricsPage,
    rate_limit: RateLimit | None,
) -> Edge:
    return Edge(
        app.route,
        authenticator=authenticator,
        public_paths=public,
        quiet_paths=_OPERATORS,
        problems=problems,
        requests=page.requests,
        rate_limit=rate_limit,
    )


def current_caller(request: Request[Any, Any, Any]) -> Caller:
    """The authenticated caller, for routes that ask for ``caller``."""
    return request.scope["user"]


def health_routes(live: HealthProbes, ready: HealthProbes) -> list[HTTPRouteHandler]:
    """The two health pages. 200 when ``UP``, 503 when ``DOWN``."""

    @get(LIVE, include_in_schema=False)
    async def health_live() -> Response[HealthReport]:
        return _health_response(await live.report())

    @get(READY, include_in_schema=False)
    async def health_ready() -> Response[HealthReport]:
        return _health_response(await ready.report())

    return [health_live, health_ready]


def metrics_route(page: MetricsPage) -> HTTPRouteHandler:
    """The page that Prometheus reads."""

    @get(METRICS, include_in_schema=False)
    async def metrics_page() -> Response[bytes]:
        return Response(await page.render(), media_type=CONTENT_TYPE, headers={"Cache-Control": "no-store"})

    return metrics_page


def _health_response(report: HealthReport) -> Response[HealthReport]:
    status = 200 if report.status == "UP" else 503
    return Response(report, status_code=status, headers={"Cache-Control": "no-store"})


def _check_no_route_is_open(app: Litestar, authenticator: Authenticator | None, public: Collection[str]) -> None:
    paths = {
        route.path for route in app.routes if isinstance(route, HTTPRoute) and not route.path.startswith("/schema")
    }
    if authenticator is None and (open_paths := sorted(paths - set(public))):
        raise ValueError(f"these routes need an authenticator or must be public_paths: {', '.join(open_paths)}")
