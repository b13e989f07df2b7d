"""The metrics of session-api."""

import pytest

from onboarding_shared.telemetry import metrics
from tests.integration.session_api.service import TENANT, Api
from tests.support.scraped import Scraped, scrape

RUNS = "/tenants/{tenant_id}/onboarding/tasks/{task_type}/runs"
STARTS = "onboarding_starts_total"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", 0.0)


async def test_starts_are_counted_by_what_was_decided(api: Api) -> None:
    before = await scrape(api.service.app)
    await api.start("license.inventory")
    await api.start("license.inventory")
    await api.start("app.grant")
    await api.start("no.such_task")
    after = await scrape(api.service.app)
    assert {
        name: grown(before, after, STARTS, outcome=name) for name in ("created", "reused", "blocked", "refused")
    } == {
        "created": 1,
        "reused": 1,
        "blocked": 1,
        "refused": 1,
    }


async def test_active_runs_are_counted_by_state(api: Api) -> None:
    await api.start("license.inventory")
    run_id = (await api.start("app.consent")).json()["run_id"]
    await api.begin(run_id, "app.consent")
    under_way = await scrape(api.service.app)
    assert under_way.value("onboarding_runs_active", state="queued") == 1
    assert under_way.value("onboarding_runs_active", state="running") == 1
    await api.finish(run_id, "app.consent")
    assert (await scrape(api.service.app)).value("onboarding_runs_active", state="running") == 0


async def test_requests_are_counted_by_route_and_never_by_tenant(api: Api) -> None:
    await api.start("license.inventory")
    await api.client({}).get(f"/tenants/{TENANT}/onboarding/tasks")
    page = await scrape(api.service.app)
    assert page.value("onboarding_http_requests_total", method="POST", route=RUNS, status="201") == 1
    assert page.value("onboarding_http_requests_total", route="unrouted", status="401") == 1
    assert not [
        sample for sample in page.samples if str(TENANT) in sample.labels.values() or "/42/" in str(sample.labels)
    ]


async def test_resent_commands_are_counted(api: Api) -> None:
    await api.start("license.inventory")
    before = await scrape(api.service.app)
    await api.rows("UPDATE operation_runs SET resend_due_at = now() - interval '1 second'")
    await api.service.sweeper.sweep()
    assert grown(before, await scrape(api.service.app), "onboarding_commands_repeated_total") == 1


async def test_an_evidence_store_that_does_not_answer_is_counted(api: Api) -> None:
    before = await scrape(api.service.app)
    assert (await api.caller().get(f"/tenants/{TENANT}/onboarding/evidence")).status_code == 503
    assert grown(before, await scrape(api.service.app), "onboarding_evidence_reads_failed_total") == 1


def grown(before: Scraped, after: Scraped, name: str, **labels: str) -> float:
    return after.count(name, **labels) - before.count(name, **labels)
