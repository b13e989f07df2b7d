"""The metrics of evidence-store."""

from datetime import UTC, datetime, timedelta

import msgspec

from onboarding_shared.contracts.types import CheckStatus
from tests.integration.evidence_store.store_harness import StoreHarness
from tests.support.evidence_chains import result
from tests.support.scraped import Scraped, scrape


async def test_the_delay_from_run_end_to_evidence_is_a_metric(store: StoreHarness) -> None:
    before = await scrape(store.service.http)
    ended = msgspec.structs.replace(result(1), finished_at=datetime.now(UTC) - timedelta(seconds=20))
    await store.consume(ended)
    await store.consume(ended)  # a repeat records nothing
    after = await scrape(store.service.http)
    assert grown(before, after, "onboarding_evidence_delay_seconds_count") == 1
    assert 20 <= grown(before, after, "onboarding_evidence_delay_seconds_sum") < 40


async def test_a_result_that_contradicts_its_evidence_is_counted(store: StoreHarness) -> None:
    before = await scrape(store.service.http)
    await store.consume(result(1))
    await store.consume(result(1, status=CheckStatus.FAIL, reason_code="OTHERWISE"))
    assert grown(before, await scrape(store.service.http), "onboarding_evidence_contradictions_total") == 1


async def test_a_chain_found_broken_is_counted_by_what_is_wrong(store: StoreHarness) -> None:
    await store.consume(result(1), result(2))
    before = await scrape(store.service.http)
    await store.tamper("UPDATE evidence SET status = 'warn' WHERE run_id = 1")
    answer = await store.reader().get("/tenants/42/onboarding/evidence/verification")
    assert answer.json()["verified"] is False
    after = await scrape(store.service.http)
    assert grown(before, after, "onboarding_chain_breaks_total", kind="column_differs", anchored="no") == 1


def grown(before: Scraped, after: Scraped, name: str, **labels: str) -> float:
    return after.count(name, **labels) - before.count(name, **labels)
