"""A break that a verification finds is published with who found it."""

from typing import Any

from evidence_store.domain.verification import Break, BreakKind
from evidence_store.use_cases.break_reports import PAUSE_SECONDS, BreakReports
from onboarding_shared.contracts.audit import EvidenceBroken
from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.topics import EVIDENCE_STORE_AUDIT
from tests.integration.evidence_store.store_harness import StoreHarness
from tests.support.evidence_chains import result

VERIFICATION = "/tenants/42/onboarding/evidence/verification"


async def events(store: StoreHarness) -> list[Any]:
    rows = await store.rows("SELECT data FROM outbox WHERE topic = :topic ORDER BY id", topic=EVIDENCE_STORE_AUDIT.name)
    return [decode_data(EVIDENCE_STORE_AUDIT.name, data) for (data,) in rows]


async def test_an_intact_chain_is_not_announced(store: StoreHarness) -> None:
    await store.consume(result(1))
    assert (await store.reader().get(VERIFICATION)).json()["verified"] is True
    assert await events(store) == []


async def test_a_break_is_announced_once_with_who_found_it(store: StoreHarness) -> None:
    await store.consume(result(1), result(2))
    ((evidence_id,),) = await store.rows("SELECT id FROM evidence WHERE position = 2")
    await store.tamper("UPDATE evidence SET status = 'fail' WHERE position = 2")
    for user in (8, 9):
        assert (await store.reader(user=user).get(VERIFICATION)).json()["verified"] is False

    (event,) = await events(store)
    ((now,),) = await store.rows("SELECT now()")
    assert 0 <= (now - event.occurred_at).total_seconds() < 60
    assert event == EvidenceBroken(
        tenant_id=42,
        by_user_id=8,
        occurred_at=event.occurred_at,
        position=2,
        evidence_id=evidence_id,
        kind="column_differs",
        anchored=False,
    )


async def test_a_wrong_anchor_is_announced_as_one(store: StoreHarness) -> None:
    await store.consume(result(1))
    await store.reader().get(VERIFICATION, params={"expected_length": 1, "expected_head": "0" * 64})
    assert [(event.kind, event.anchored) for event in await events(store)] == [("anchor_differs", True)]


async def test_a_break_is_announced_again_after_a_minute(store: StoreHarness) -> None:
    now = [1000.0]
    reports = BreakReports(store.database, store.service.outbox, clock=lambda: now[0])
    for seconds in (0, PAUSE_SECONDS - 1, 1):
        now[0] += seconds
        await reports.report(42, 7, Break(1, 5, BreakKind.TAIL_CUT, "cut"), anchored=False)
    assert len(await events(store)) == 2
