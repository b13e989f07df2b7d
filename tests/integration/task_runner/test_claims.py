"""Claims: fair between tenants, within the limits, and never two runs that exclude each other."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.task_runner import RunStarted
from onboarding_shared.contracts.types import RunState
from onboarding_shared.messaging.outbox import Outgoing
from task_runner.domain.outcomes import GiveUp
from task_runner.store.settling import Settlement
from task_runner.use_cases.claims import RunClaims
from tests.integration.task_runner.scene import Scene, cancel, start

DONE = GiveUp(reason_code="DONE", message="")

TOGETHER = """
SELECT a.run_id, b.run_id AS other
FROM executions a JOIN executions b ON a.tenant_id = b.tenant_id AND a.run_id < b.run_id
WHERE a.state IN ('running', 'cancelling') AND b.state IN ('running', 'cancelling')
  AND ((a.scope_key = b.scope_key AND a.task_type = b.task_type)
       OR ('exclusive' IN (a.mode, b.mode) AND (a.scope_key = b.scope_key OR 0 IN (a.scope_key, b.scope_key))))
"""


async def test_a_claim_has_a_lease_a_token_and_is_told_in_the_same_commit(scene: Scene) -> None:
    await scene.apply(start(1))
    (claim,) = await scene.claim()
    row = await scene.row(1)
    assert (row.state, row.attempt, row.lease_token, row.worker) == ("running", 1, claim.lease_token, "w1")
    assert (row.lease_expires_at - row.started_at).total_seconds() == 30
    (told,) = await scene.said()
    assert told == RunStarted(tenant_id=4, run_id=1, task_type="check.quick", attempt=1, started_at=claim.claimed_at)


async def test_no_more_is_claimed_than_there_are_free_slots(scene: Scene) -> None:
    await scene.apply(*(start(run, tenant_id=run) for run in range(1, 6)))
    assert len(await scene.claim(2)) == 2
    assert len(await scene.claim(10)) == 3


async def test_every_claim_has_a_newer_token_than_all_before(scene: Scene) -> None:
    await scene.apply(*(start(run, tenant_id=run) for run in range(1, 4)))
    tokens = [(await scene.claim(1))[0].lease_token for _ in range(3)]
    assert tokens == sorted(set(tokens))


async def test_a_tenant_with_a_long_queue_does_not_keep_another_one_waiting(scene: Scene) -> None:
    await scene.apply(*(start(run, "check.connection", on=run) for run in range(1, 51)), start(99, tenant_id=5))
    assert 99 in await scene.claimed_ids(4)


async def test_one_tenant_gets_no_more_than_its_share_over_all_workers(scene: Scene) -> None:
    await scene.apply(*(start(run, "check.connection", on=run) for run in range(1, 11)))
    assert len(await scene.claimed_ids(10, worker="w1", tenant_limit=3)) == 3
    assert await scene.claimed_ids(10, worker="w2", tenant_limit=3) == set()


async def test_the_same_task_does_not_run_twice_in_one_scope(scene: Scene) -> None:
    await scene.apply(start(1), start(2))
    assert await scene.claimed_ids() == {1}
    assert await scene.claimed_ids() == set()


async def test_the_same_task_runs_on_two_connections_at_once(scene: Scene) -> None:
    await scene.apply(start(1, "check.connection", on=1), start(2, "check.connection", on=2))
    assert await scene.claimed_ids() == {1, 2}


async def test_shared_checks_of_one_scope_run_side_by_side(scene: Scene) -> None:
    await scene.apply(start(1), start(2, "check.other"))
    assert await scene.claimed_ids() == {1, 2}


async def test_an_exclusive_change_waits_for_a_check_of_its_connection(scene: Scene) -> None:
    await scene.apply(start(1, "check.connection", on=1))
    await scene.claim()
    await scene.apply(start(2, "change.connection", on=1), start(3, "change.connection", on=2))
    assert await scene.claimed_ids() == {3}


async def test_a_change_of_the_tenant_excludes_every_connection(scene: Scene) -> None:
    await scene.apply(start(1, "change.tenant"))
    await scene.claim()
    await scene.apply(start(2, "check.connection", on=1), start(3, "check.connection", tenant_id=5, on=9))
    assert await scene.claimed_ids() == {3}


async def test_a_run_being_cancelled_still_holds_its_scope(scene: Scene) -> None:
    await scene.apply(start(1, "change.tenant"))
    await scene.claim()
    await scene.apply(cancel(1), start(2))
    assert await scene.claimed_ids() == set()


async def test_a_run_that_waits_for_its_time_is_not_claimed_before(scene: Scene) -> None:
    await scene.apply(start(1))
    await scene.sql("UPDATE executions SET state = 'waiting', resume_at = now() + interval '1 hour'")
    assert await scene.claimed_ids() == set()
    await scene.sql("UPDATE executions SET resume_at = now() - interval '1 second'")
    assert await scene.claimed_ids() == {1}


async def test_a_worker_leaves_what_it_cannot_run_to_others(scene: Scene) -> None:
    await scene.apply(start(1), start(2, "check.other"))
    older = RunClaims(
        scene.database, scene.outbox, worker="old", task_types=["check.other"], lease_seconds=30, tenant_limit=8
    )
    assert [one.execution.run_id for one in (await older.claim(10)).claims] == [2]


async def test_the_first_look_finds_what_is_due_however_many_tenants_wait_for_their_time(scene: Scene) -> None:
    await scene.apply(*(start(run, tenant_id=run) for run in range(1, 301)))
    await scene.sql("UPDATE executions SET resume_at = now() + interval '1 hour' WHERE run_id < 300")
    found = await scene.claims().claim(2)
    assert [one.execution.run_id for one in found.claims] == [300]
    assert not found.more


async def test_a_worker_rests_when_it_has_looked_at_every_tenant_in_vain(scene: Scene) -> None:
    await scene.apply(*(start(run, tenant_id=run) for run in range(1, 6)))
    await scene.sql("UPDATE executions SET task_type = 'check.elsewhere'")
    claims = scene.claims()
    looks = [(await claims.claim(2)).more for _ in range(6)]
    assert looks == [True, True, False] * 2, "two tenants a look, and then a rest"


async def test_the_database_itself_refuses_a_second_run_of_one_guard(scene: Scene) -> None:
    await scene.apply(start(1), start(2))
    with pytest.raises(IntegrityError, match="executions_one_under_way"):
        await scene.sql("UPDATE executions SET state = 'running', lease_expires_at = now()")


async def test_many_workers_at_once_never_run_two_that_exclude_each_other(scene: Scene) -> None:
    kinds = [("check.quick", None), ("check.other", None), ("change.tenant", None)]
    kinds += [(name, on) for name in ("check.connection", "change.connection") for on in (1, 2)]
    starts = [
        start(number, task_type, tenant_id=1 + number % 3, on=on)
        for number, (task_type, on) in enumerate((kinds * 30)[:180], start=1)
    ]
    await scene.apply(*starts)
    together: list[object] = []
    done: list[int] = []

    async def work(name: str) -> None:
        claims = scene.claims(worker=name)
        while len(done) < len(starts):
            claimed = (await claims.claim(3)).claims
            together.extend(await scene.sql(TOGETHER))
            await asyncio.sleep(0.001)
            if claimed:
                await scene.settle(
                    *(
                        Settlement(
                            run_id=one.execution.run_id,
                            lease_token=one.lease_token,
                            observed=RunState.RUNNING,
                            outcome=DONE,
                        )
                        for one in claimed
                    )
                )
                done.extend(one.execution.run_id for one in claimed)

    await asyncio.wait_for(asyncio.gather(*(work(f"w{number}") for number in range(5))), 60)
    assert together == []
    assert sorted(done) == [one.run_id for one in starts]


async def test_a_claim_that_has_not_committed_yet_is_seen_by_every_other_claim(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.apply(start(1, "check.connection", on=1))
    about_to_commit, go_on = asyncio.Event(), asyncio.Event()
    append = scene.outbox.append

    async def slowly(connection: AsyncConnection, messages: Sequence[Outgoing]) -> None:
        await append(connection, messages)
        about_to_commit.set()
        await go_on.wait()

    monkeypatch.setattr(scene.outbox, "append", slowly)
    first = asyncio.create_task(scene.claimed_ids(1))
    await about_to_commit.wait()
    monkeypatch.setattr(scene.outbox, "append", append)
    await scene.apply(start(2, "change.connection", on=1))
    meanwhile = await scene.claims(worker="w2").claim(5)
    go_on.set()
    assert await first == {1}
    assert (meanwhile.claims, meanwhile.more) == ((), True)
    assert await scene.claimed_ids(5, worker="w2") == set()
