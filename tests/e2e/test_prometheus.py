"""A real Prometheus scrapes the system; every query of the dashboards and alerts is executed, and has data."""

from collections.abc import Iterator

import pytest

from tests.support.dashboards import (
    AFTER_A_FAULT,
    WITH_CERTIFICATES,
    alerting_rules,
    dashboard_queries,
    metrics,
    selectors,
)
from tests.support.prometheus import NEEDED, Prometheus, running_prometheus
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.system, NEEDED, pytest.mark.timeout(300)]

FAILED_REQUESTS = {
    'onboarding_http_requests_total{status=~"5..",route!~"/health/.*"}',
    'onboarding_provider_requests_total{status=~"5..|none"}',
}
"""Selectors of alerts for requests that failed."""


@pytest.fixture(scope="module")
def prometheus(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    targets = [
        system.journal[name].removeprefix("http://") for name in ("session_api", "task_runner", "evidence_store")
    ]
    with running_prometheus(tmp_path_factory.mktemp("prometheus"), targets) as server:
        yield server


@pytest.fixture
async def scraped(system: System, prometheus: Prometheus) -> Prometheus:
    """Prometheus after a customer's checks: scraped before, between and after them."""
    await eventually(prometheus.is_ready, seconds=60, every=0.2)
    await eventually(lambda: len(prometheus.query("onboarding_build_info")), equals=3, seconds=60, every=0.5)
    async with system.caller() as caller:
        await caller.connect("healthy")
        for task_type in ("graph.connectivity", "license.inventory"):
            run_id = await caller.start(task_type)
            await caller.ended(run_id, seconds=60)
            await caller.evidence(run_id, seconds=60)
        refused = await caller.get("/runs/999999999")
        assert refused.status_code == 404
    return prometheus


async def test_every_query_of_the_dashboards_has_data(scraped: Prometheus) -> None:
    panels = {query: panel for panel, query in dashboard_queries()}
    unanswered = {query for query in panels if has_data(query)}
    for query in panels.keys() - unanswered:
        scraped.query(query)

    def still_without_data() -> list[str]:
        unanswered.difference_update({query for query in unanswered if scraped.query(query)})
        return [f"{panels[query]}: {query}" for query in unanswered]

    await eventually(still_without_data, equals=[], seconds=60, every=2)


async def test_every_series_that_an_alert_asks_for_is_there(scraped: Prometheus) -> None:
    asked = {selector for rule in alerting_rules() for selector in selectors(rule["expr"])}
    needed = {selector for selector in asked if has_data(selector)} - FAILED_REQUESTS

    def missing() -> set[str]:
        return {selector for selector in needed if not scraped.query(selector)}

    assert asked >= FAILED_REQUESTS
    await eventually(missing, equals=set(), seconds=60, every=2)


async def test_prometheus_evaluates_every_alert_without_an_error(prometheus: Prometheus) -> None:
    names = [rule["alert"] for rule in alerting_rules()]

    await eventually(prometheus.is_ready, seconds=60, every=0.2)
    await eventually(
        lambda: [rule["name"] for rule in prometheus.rules() if rule["health"] == "ok"],
        equals=names,
        seconds=60,
        every=1,
    )


def has_data(query: str) -> bool:
    """True if a healthy system has data for it."""
    return "vector(0)" in query or not metrics(query) & (AFTER_A_FAULT | WITH_CERTIFICATES)
