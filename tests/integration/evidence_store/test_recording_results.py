"""Results become evidence: once per run, sealed, and confirmed."""

import asyncio

from evidence_store.use_cases.recording import Recording
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.task_runner import RunProgressed, RunStarted
from onboarding_shared.contracts.types import CheckStatus, RunState
from tests.integration.evidence_store.store_harness import TRACE, StoreHarness, idle_outbox, received
from tests.support.evidence_chains import NOW, result

CHAIN = "SELECT tenant_id, position, run_id, status, reason_code FROM evidence ORDER BY tenant_id, position"


async def test_a_result_becomes_one_row_and_is_confirmed(store: StoreHarness) -> None:
    await store.consume(result(100))
    assert await store.rows(CHAIN) == [(42, 1, 100, "ok", "LICENSES_FOUND")]
    ((evidence_id, seal, recorded_at),) = await store.rows("SELECT id, seal, recorded_at FROM evidence")
    assert await store.outbox_messages() == [
        EvidenceRecorded(
            tenant_id=42,
            evidence_id=evidence_id,
            run_id=100,
            task_type="license.inventory",
            status=CheckStatus.OK,
            reason_code="LICENSES_FOUND",
            position=1,
            seal=seal.hex(),
            recorded_at=recorded_at,
        )
    ]


async def test_the_confirmation_belongs_to_the_trace_of_the_result(store: StoreHarness) -> None:
    await store.consume(result(100))
    await store.consume(result(101), traceparent=None)
    assert await store.rows("SELECT traceparent FROM outbox ORDER BY id") == [(TRACE,), (None,)]


async def test_a_batch_extends_each_tenants_chain_in_order(store: StoreHarness) -> None:
    await store.consume(result(1), result(2, tenant_id=7), result(3), result(4, tenant_id=7))
    await store.consume(result(5), result(6, tenant_id=9))
    rows = await store.rows("SELECT tenant_id, position, run_id FROM evidence ORDER BY tenant_id, position")
    assert rows == [(7, 1, 2), (7, 2, 4), (9, 1, 6), (42, 1, 1), (42, 2, 3), (42, 3, 5)]
    assert await store.rows("SELECT tenant_id, length FROM evidence_heads ORDER BY 1") == [(7, 2), (9, 1), (42, 3)]


async def test_ids_and_times_of_a_chain_do_not_go_back(store: StoreHarness) -> None:
    for run_id in range(1, 6):
        await store.consume(result(run_id), result(100 + run_id))
    rows = await store.rows("SELECT id, recorded_at FROM evidence ORDER BY position")
    assert rows == sorted(rows)


async def test_a_cancelled_run_leaves_no_evidence_and_no_word(store: StoreHarness) -> None:
    await store.consume(result(1, state=RunState.CANCELLED))
    assert await store.rows(CHAIN) == []
    assert await store.outbox_messages() == []


async def test_other_messages_of_the_topic_are_passed_over(store: StoreHarness) -> None:
    await store.consume(
        RunStarted(tenant_id=42, run_id=1, task_type="a", attempt=1, started_at=NOW),
        RunProgressed(tenant_id=42, run_id=1, task_type="a", attempt=1, state=RunState.WAITING),
    )
    assert await store.rows("SELECT count(*) FROM evidence_heads") == [(0,)]


async def test_a_repeated_result_is_confirmed_again_with_what_is_kept(store: StoreHarness) -> None:
    await store.consume(result(1))
    await store.consume(result(1), result(2))
    assert await store.rows("SELECT run_id, position FROM evidence ORDER BY 2") == [(1, 1), (2, 2)]
    first, again, second = await store.outbox_messages()
    assert again == first
    assert second.run_id == 2


async def test_a_result_repeated_within_a_batch_is_recorded_once(store: StoreHarness) -> None:
    await store.consume(result(1), result(1), result(1))
    assert await store.rows("SELECT run_id FROM evidence") == [(1,)]
    assert len(await store.outbox_messages()) == 1


async def test_the_first_result_of_a_run_stays(store: StoreHarness) -> None:
    await store.consume(result(1, status=CheckStatus.FAIL, reason_code="NONE_LEFT"))
    await store.consume(result(1))
    assert await store.rows(CHAIN) == [(42, 1, 1, "fail", "NONE_LEFT")]
    assert [recorded.status for recorded in await store.outbox_messages()] == [CheckStatus.FAIL, CheckStatus.FAIL]


async def test_a_forged_result_takes_no_other_tenants_run_id(store: StoreHarness) -> None:
    await store.consume(result(1, tenant_id=43, status=CheckStatus.FAIL, reason_code="FORGED"))
    await store.consume(result(1))
    await store.consume(result(1))
    chain = await store.rows(CHAIN)
    assert [row[:4] for row in chain] == [(42, 1, 1, "ok"), (43, 1, 1, "fail")]
    assert [recorded.tenant_id for recorded in await store.outbox_messages()] == [43, 42, 42]


async def test_one_run_id_of_two_tenants_in_a_batch_is_recorded_for_both(store: StoreHarness) -> None:
    await store.consume(result(1), result(1, tenant_id=43))
    assert await store.rows("SELECT tenant_id FROM evidence ORDER BY 1") == [(42,), (43,)]


async def test_payloads_come_back_as_they_were(store: StoreHarness) -> None:
    payload = {
        "text": 'Grüße \U0001f980 \u0000 " \\ \n',
        "numbers": [0, -1, 2**63, 1.5, 1e-9],
        "nested": {"a": [None, True, {}]},
        "": "an empty key",
    }
    await store.consume(result(1, payload=payload))
    ((evidence_id,),) = await store.rows("SELECT id FROM evidence")
    answer = await store.reader().get(f"/tenants/42/onboarding/evidence/{evidence_id}")
    assert answer.json()["payload"] == payload


async def test_concurrent_instances_build_one_unbroken_chain_for_each_tenant(store: StoreHarness) -> None:
    intakes = [Recording(idle_outbox()) for _ in range(6)]

    async def work(number: int) -> None:
        for turn in range(10):
            # The tenants come in another order in each instance; every run is consumed by two of them.
            tenants = [1 + (number + turn + step) % 4 for step in range(4)]
            batch = [result(tenant * 1000 + (number // 2) * 100 + turn, tenant_id=tenant) for tenant in tenants]
            async with store.database.transaction() as connection:
                await intakes[number].apply(connection, received(batch))

    await asyncio.gather(*(work(number) for number in range(6)))
    assert await store.rows("SELECT tenant_id, count(*), max(position) FROM evidence GROUP BY 1 ORDER BY 1") == [
        (1, 30, 30),
        (2, 30, 30),
        (3, 30, 30),
        (4, 30, 30),
    ]
    reader = store.reader(tenants=(1, 2, 3, 4))
    for tenant in (1, 2, 3, 4):
        answer = await reader.get(f"/tenants/{tenant}/onboarding/evidence/verification")
        assert answer.json()["verified"] is True
    sequences = await store.rows("SELECT tenant_id, count(*), max(sequence) FROM outbox GROUP BY 1 ORDER BY 1")
    assert sequences == [(1, 60, 60), (2, 60, 60), (3, 60, 60), (4, 60, 60)]


async def test_the_number_of_statements_is_independent_of_the_batch_size(store: StoreHarness) -> None:
    assert await statements(store, 1) == await statements(store, 200) == 3


async def statements(store: StoreHarness, size: int) -> int:
    from sqlalchemy import event

    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(store.database.engine.sync_engine, "before_cursor_execute", note)
    try:
        await store.consume(*(result(size * 1000 + number, tenant_id=1 + number % 50) for number in range(size)))
    finally:
        event.remove(store.database.engine.sync_engine, "before_cursor_execute", note)
    return len(seen)
