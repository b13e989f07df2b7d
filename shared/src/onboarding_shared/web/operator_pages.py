"""The pages for operators and their tools: health, metrics and state. They need no token."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from onboarding_shared.contracts.service_states import PATH as STATE
from onboarding_shared.contracts.service_states import ServiceState
from onboarding_shared.telemetry.health import HealthProbes, HealthReport
from onboarding_shared.telemetry.metrics import CONTENT_TYPE, MetricsPage

LIVE = "/health/live"
READY = "/health/ready"
METRICS = "/metrics"
OPERATOR_PATHS = frozenset({LIVE, READY, STATE, METRICS})


def operator_routes(ready: HealthProbes, page: MetricsPage) -> list[HTTPRouteHandler]:
    """The two health pages, 200 when ``UP`` and 503 when ``DOWN``, the state, and the page that Prometheus reads."""
    live = HealthProbes(())

    @get(LIVE, include_in_schema=False)
    async def health_live() -> Response[HealthReport]:
        return _health_response(await live.report())

    @get(READY, include_in_schema=False)
    async def health_ready() -> Response[HealthReport]:
        return _health_response(await ready.report())

    @get(STATE, include_in_schema=False)
    async def health_state() -> ServiceState:
        return await page.state()

    @get(METRICS, include_in_schema=False)
    async def metrics_page() -> Response[bytes]:
        return Response(await page.render(), media_type=CONTENT_TYPE)

    return [health_live, health_ready, health_state, metrics_page]


def _health_response(report: HealthReport) -> Response[HealthReport]:
    return Response(report, status_code=200 if report.status == "UP" else 503)
