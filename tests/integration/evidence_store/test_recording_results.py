"""Results become evidence: once per run, sealed, and confirmed."""

import asyncio

import pytest

from evidence_store.domain.admission import Inadmissible
from evidence_store.use_cases.recording import Recording
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.task_runner import RunProgressed, RunStarted
from onboarding_shared.contracts.types import CheckStatus, RunState
from tests.integration.evidence_store.store_scene import TRACE, Scene, received, silent_outbox
from tests.unit.evidence_store.chains import NOW, result

CHAIN = "SELECT tenant_id, position, run_id, status, reason_code FROM evidence ORDER BY tenant_id, position"


async def test_a_result_becomes_one_row_and_is_confirmed(scene: Scene) -> None:
    await scene.hear(result(100))
    assert await scene.rows(CHAIN) == [(42, 1, 100, "ok", "LICENSES_FOUND")]
    ((evidence_id, seal, recorded_at),) = await scene.rows("SELECT id, seal, recorded_at FROM evidence")
    assert await scene.said() == [
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


async def test_the_confirmation_belongs_to_the_trace_of_the_result(scene: Scene) -> None:
    await scene.hear(result(100))
    await scene.hear(result(101), traceparent=None)
    assert await scene.rows("SELECT traceparent FROM outbox ORDER BY id") == [(TRACE,), (None,)]


async def test_a_batch_grows_each_tenants_chain_in_the_order_of_the_results(scene: Scene) -> None:
    await scene.hear(result(1), result(2, tenant_id=7), result(3), result(4, tenant_id=7))
    await scene.hear(result(5), result(6, tenant_id=9))
    rows = await scene.rows("SELECT tenant_id, position, run_id FROM evidence ORDER BY tenant_id, position")
    assert rows == [(7, 1, 2), (7, 2, 4), (9, 1, 6), (42, 1, 1), (42, 2, 3), (42, 3, 5)]
    assert await scene.rows("SELECT tenant_id, length FROM evidence_heads ORDER BY 1") == [(7, 2), (9, 1), (42, 3)]


async def test_ids_and_times_of_a_chain_do_not_go_back(scene: Scene) -> None:
    for run_id in range(1, 6):
        await scene.hear(result(run_id), result(100 + run_id))
    rows = await scene.rows("SELECT id, recorded_at FROM evidence ORDER BY position")
    assert rows == sorted(rows)


async def test_a_cancelled_run_leaves_no_evidence_and_no_word(scene: Scene) -> None:
    await scene.hear(result(1, state=RunState.CANCELLED))
    assert await scene.rows(CHAIN) == []
    assert await scene.said() == []


async def test_other_messages_of_the_topic_are_passed_over(scene: Scene) -> None:
    await scene.hear(
        RunStarted(tenant_id=42, run_id=1, task_type="a", attempt=1, started_at=NOW),
        RunProgressed(tenant_id=42, run_id=1, task_type="a", attempt=1, state=RunState.WAITING),
    )
    assert await scene.rows("SELECT count(*) FROM evidence_heads") == [(0,)]


async def test_a_repeated_result_is_confirmed_again_with_what_is_kept(scene: Scene) -> None:
    await scene.hear(result(1))
    await scene.hear(result(1), result(2))
    assert await scene.rows("SELECT run_id, position FROM evidence ORDER BY 2") == [(1, 1), (2, 2)]
    first, again, second = await scene.said()
    assert again == first
    assert second.run_id == 2


async def test_a_result_repeated_within_a_batch_is_kept_and_confirmed_once(scene: Scene) -> None:
    await scene.hear(result(1), result(1), result(1))
    assert await scene.rows("SELECT run_id FROM evidence") == [(1,)]
    assert len(await scene.said()) == 1


async def test_the_first_result_of_a_run_stays(scene: Scene) -> None:
    await scene.hear(result(1, status=CheckStatus.FAIL, reason_code="NONE_LEFT"))
    await scene.hear(result(1))
    assert await scene.rows(CHAIN) == [(42, 1, 1, "fail", "NONE_LEFT")]
    assert [said.status for said in await scene.said()] == [CheckStatus.FAIL, CheckStatus.FAIL]


async def test_a_run_of_another_tenant_is_refused_and_nothing_is_told_of_it(scene: Scene) -> None:
    await scene.hear(result(1))
    with pytest.raises(Inadmissible, match="another tenant"):
        await scene.hear(result(1, tenant_id=43))
    assert [said.tenant_id for said in await scene.said()] == [42]
    assert await scene.rows("SELECT tenant_id FROM evidence_heads") == [(42,)]


async def test_one_run_of_two_tenants_in_a_batch_is_refused(scene: Scene) -> None:
    with pytest.raises(Inadmissible, match="another tenant"):
        await scene.hear(result(1), result(1, tenant_id=43))


async def test_payloads_come_back_as_they_were(scene: Scene) -> None:
    payload = {
        "text": 'Grüße \U0001f980 \u0000 " \\ \n',
        "numbers": [0, -1, 2**63, 1.5, 1e-9],
        "nested": {"a": [None, True, {}]},
        "": "an empty key",
    }
    await scene.hear(result(1, payload=payload))
    ((evidence_id,),) = await scene.rows("SELECT id FROM evidence")
    answer = await scene.reader().get(f"/tenants/42/onboarding/evidence/{evidence_id}")
    assert answer.json()["payload"] == payload


async def test_instances_side_by_side_make_one_whole_chain_for_each_tenant(scene: Scene) -> None:
    intakes = [Recording(silent_outbox()) for _ in range(6)]

    async def work(number: int) -> None:
        for turn in range(10):
            # The tenants come in another order in each instance; every run is heard by two of them.
            tenants = [1 + (number + turn + step) % 4 for step in range(4)]
            batch = [result(tenant * 1000 + (number // 2) * 100 + turn, tenant_id=tenant) for tenant in tenants]
            async with scene.database.transaction() as connection:
                await intakes[number].apply(connection, received(batch))

    await asyncio.gather(*(work(number) for number in range(6)))
    assert await scene.rows("SELECT tenant_id, count(*), max(position) FROM evidence GROUP BY 1 ORDER BY 1") == [
        (1, 30, 30),
        (2, 30, 30),
        (3, 30, 30),
        (4, 30, 30),
    ]
    reader = scene.reader(tenants=(1, 2, 3, 4))
    for tenant in (1, 2, 3, 4):
        answer = await reader.get(f"/tenants/{tenant}/onboarding/evidence/verification")
        assert answer.json()["verified"] is True
    sequences = await scene.rows("SELECT tenant_id, count(*), max(sequence) FROM outbox GROUP BY 1 ORDER BY 1")
    assert sequences == [(1, 60, 60), (2, 60, 60), (3, 60, 60), (4, 60, 60)]


async def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(scene: Scene) -> None:
    assert await statements(scene, 1) == await statements(scene, 200) == 4


async def statements(scene: Scene, size: int) -> int:
    from sqlalchemy import event

    seen: list[str] = []

    def note(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    event.listen(scene.database.engine.sync_engine, "before_cursor_execute", note)
    try:
        await scene.hear(*(result(size * 1000 + number, tenant_id=1 + number % 50) for number in range(size)))
    finally:
        event.remove(scene.database.engine.sync_engine, "before_cursor_execute", note)
    return len(seen)
