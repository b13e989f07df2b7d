"""The metrics page: requests, readiness and backlog, and an answer in every case."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest
from litestar import get
from litestar.params import FromPath

from onboarding_shared.telemetry import metrics
from onboarding_shared.telemetry.health import HealthCheck
from onboarding_shared.telemetry.metrics import Backlog, Gauge, MetricsPage, Reading
from onboarding_shared.web.app import ApiDescription, build_http
from tests.support.scraped import Scraped, scrape

DEPTH = Gauge("onboarding_test_messages", "For a test")
REQUESTS = "onboarding_http_requests_total"
DURATION = "onboarding_http_request_duration_seconds"


@get("/things/{thing_id:int}")
async def thing(thing_id: FromPath[int]) -> dict[str, int]:
    return {"thing": thing_id}


def application(page: MetricsPage | None = None, checks: Sequence[HealthCheck] = ()) -> Any:
    return build_http(
        ApiDescription(title="x"),
        authenticator=None,
        routes=[thing],
        public_paths={"/things/{thing_id}", "/things/{thing_id:int}"},
        metrics=page,
        checks=checks,
    )


def client(app: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://x")


class Rows:
    """A database that answers, fails or hangs, and counts how often it was asked."""

    def __init__(self, value: float = 7.0) -> None:
        self.value = value
        self.asked = 0
        self.fails = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def read(self) -> Sequence[Reading]:
        self.asked += 1
        await self.answers.wait()
        if self.fails:
            raise ConnectionError("planted")
        return [Reading(DEPTH, self.value)]


def page_of(rows: Rows) -> MetricsPage:
    return MetricsPage("x", "1", backlog=Backlog([DEPTH], rows.read))


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "READ_TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)


async def test_requests_are_counted_by_the_template_of_their_route() -> None:
    app = application()
    async with client(app) as caller:
        for number in (1, 2, 3):
            await caller.get(f"/things/{number}")
        await caller.get("/nowhere/at/all")
    page = await scrape(app)
    assert page.value(REQUESTS, method="GET", route="/things/{thing_id}", status="200") == 3
    assert page.value(f"{DURATION}_count", method="GET", route="/things/{thing_id}") == 3
    assert page.value(f"{DURATION}_bucket", route="/things/{thing_id}", le="+Inf") == 3
    assert page.value(REQUESTS, status="404") == 1
    assert not [sample for sample in page.samples if "nowhere" in str(sample.labels)]


async def test_methods_nobody_knows_are_one() -> None:
    app = application()
    async with client(app) as caller:
        for method in ("BREW", "WHEN", "PROPFIND"):
            await caller.request(method, "/things/1")
    page = await scrape(app)
    assert page.value(REQUESTS, method="_OTHER") == 3
    assert {sample.labels["method"] for sample in page.samples if sample.name == REQUESTS} == {"_OTHER"}


async def test_a_scrape_counts_itself() -> None:
    app = application()
    await scrape(app)
    assert (await scrape(app)).value(REQUESTS, route="/metrics", status="200") == 1


async def test_readiness_is_a_metric_for_each_check(hurried: None) -> None:
    broken = False

    async def probe() -> None:
        if broken:
            raise ConnectionError("planted")

    async def fine() -> None:
        return None

    app = application(checks=[HealthCheck("broker", probe), HealthCheck("database", fine)])
    before = await scrape(app)
    broken = True
    after = await scrape(app)
    assert before.value("onboarding_readiness_up", check="broker") == 1
    assert after.value("onboarding_readiness_up", check="broker") == 0
    assert after.value("onboarding_readiness_up", check="database") == 1


async def test_a_backlog_is_read_once_for_many_scrapes() -> None:
    rows = Rows()
    app = application(page_of(rows))
    pages: list[Scraped] = [await scrape(app) for _ in range(5)]
    assert [page.value(DEPTH.name) for page in pages] == [7.0] * 5
    assert pages[0].value("onboarding_database_up") == 1
    assert rows.asked == 1


async def test_a_backlog_that_is_old_is_read_again(hurried: None) -> None:
    rows = Rows()
    app = application(page_of(rows))
    await scrape(app)
    rows.value = 9.0
    assert (await scrape(app)).value(DEPTH.name) == 9.0


async def test_a_database_that_fails_leaves_no_numbers_but_a_page(hurried: None) -> None:
    rows = Rows()
    app = application(page_of(rows))
    await scrape(app)
    rows.fails = True
    page = await scrape(app)
    assert page.value("onboarding_database_up") == 0
    assert page.value(DEPTH.name) is None
    rows.fails = False
    assert (await scrape(app)).value("onboarding_database_up") == 1


async def test_a_hanging_database_is_queried_once_without_waiting(hurried: None) -> None:
    rows = Rows()
    app = application(page_of(rows))
    rows.answers.clear()
    for _ in range(3):
        assert (await scrape(app)).value("onboarding_database_up") == 0
    assert rows.asked == 1
    rows.answers.set()
    assert (await scrape(app)).value(DEPTH.name) == 7.0


async def test_the_page_names_what_runs_and_what_the_process_takes() -> None:
    page = await scrape(application(MetricsPage("task-runner", "1.2.3")))
    assert page.value("onboarding_build_info", service="task-runner", version="1.2.3") == 1
    assert (page.value("process_cpu_seconds_total") or 0) > 0
    assert not [name for name in page.names if name.endswith("_created")]


async def test_the_state_has_readiness_and_the_gauges_of_the_page() -> None:
    async def broken() -> None:
        raise ConnectionError("planted")

    app = application(page_of(Rows()), checks=[HealthCheck("broker", broken)])
    async with client(app) as caller:
        answer = await caller.get("/health/state")
    state = answer.json()
    assert (answer.status_code, state["service"], state["version"], state["ready"]) == (200, "x", "1", False)
    assert state["checks"] == [{"name": "broker", "status": "DOWN"}]
    assert {gauge["name"]: gauge["value"] for gauge in state["gauges"]} == {
        "onboarding_database_up": 1.0,
        DEPTH.name: 7.0,
    }


async def test_the_state_omits_gauges_of_a_database_that_is_away(hurried: None) -> None:
    rows = Rows()
    rows.fails = True
    state = await page_of(rows).state()
    assert [(gauge.name, gauge.value) for gauge in state.gauges] == [("onboarding_database_up", 0.0)]
