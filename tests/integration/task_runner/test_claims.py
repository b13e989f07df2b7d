"""Claims: fair between tenants, within the limits, and never two runs that exclude each other."""

import asyncio
from typing import Any

import msgspec
import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.types import RunState
from task_runner.domain.outcomes import GiveUp
from task_runner.store.rows import Claim
from task_runner.store.settling import Settlement
from task_runner.use_cases import claims
from task_runner.use_cases.claims import RunClaims
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, start

DONE = GiveUp(reason_code="DONE", message="")

TOGETHER = """
SELECT a.run_id, b.run_id AS other
FROM executions a JOIN executions b ON a.tenant_id = b.tenant_id AND a.run_id < b.run_id
WHERE a.state IN ('running', 'cancelling') AND b.state IN ('running', 'cancelling')
  AND ((a.scope_key = b.scope_key AND a.task_type = b.task_type)
       OR ('exclusive' IN (a.mode, b.mode) AND (a.scope_key = b.scope_key OR 0 IN (a.scope_key, b.scope_key))))
"""


async def test_a_claim_commits_lease_and_token_together(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    (claim,) = await harness.claim()
    row = await harness.row(1)
    assert (row.state, row.attempt, row.lease_token, row.worker) == ("running", 1, claim.lease_token, "w1")
    assert (row.lease_expires_at - row.started_at).total_seconds() == 30
    assert await harness.new_messages() == []


async def test_no_more_is_claimed_than_there_are_free_slots(harness: RunnerHarness) -> None:
    await harness.apply(*(start(run, tenant_id=run) for run in range(1, 6)))
    assert len(await harness.claim(2)) == 2
    assert len(await harness.claim(10)) == 3


async def test_every_claim_has_a_newer_token_than_all_before(harness: RunnerHarness) -> None:
    await harness.apply(*(start(run, tenant_id=run) for run in range(1, 4)))
    tokens = [(await harness.claim(1))[0].lease_token for _ in range(3)]
    assert tokens == sorted(set(tokens))


async def test_a_long_queue_does_not_delay_another_tenant(harness: RunnerHarness) -> None:
    await harness.apply(*(start(run, "check.connection", on=run) for run in range(1, 51)), start(99, tenant_id=5))
    assert 99 in await harness.claimed_ids(4)


async def test_one_tenant_never_exceeds_its_share_over_all_workers(harness: RunnerHarness) -> None:
    await harness.apply(*(start(run, "check.connection", on=run) for run in range(1, 11)))
    assert len(await harness.claimed_ids(10, worker="w1", tenant_limit=3)) == 3
    assert await harness.claimed_ids(10, worker="w2", tenant_limit=3) == set()


async def test_the_same_task_does_not_run_twice_in_one_scope(harness: RunnerHarness) -> None:
    await harness.apply(start(1), start(2))
    assert await harness.claimed_ids() == {1}
    assert await harness.claimed_ids() == set()


async def test_the_same_task_runs_on_two_connections_at_once(harness: RunnerHarness) -> None:
    await harness.apply(start(1, "check.connection", on=1), start(2, "check.connection", on=2))
    assert await harness.claimed_ids() == {1, 2}


async def test_shared_checks_of_one_scope_run_side_by_side(harness: RunnerHarness) -> None:
    await harness.apply(start(1), start(2, "check.other"))
    assert await harness.claimed_ids() == {1, 2}


async def test_an_exclusive_change_waits_for_a_check_of_its_connection(harness: RunnerHarness) -> None:
    await harness.apply(start(1, "check.connection", on=1))
    await harness.claim()
    await harness.apply(start(2, "change.connection", on=1), start(3, "change.connection", on=2))
    assert await harness.claimed_ids() == {3}


async def test_a_change_of_the_tenant_excludes_every_connection(harness: RunnerHarness) -> None:
    await harness.apply(start(1, "change.tenant"))
    await harness.claim()
    await harness.apply(start(2, "check.connection", on=1), start(3, "check.connection", tenant_id=5, on=9))
    assert await harness.claimed_ids() == {3}


async def test_a_run_being_cancelled_still_holds_its_scope(harness: RunnerHarness) -> None:
    await harness.apply(start(1, "change.tenant"))
    await harness.claim()
    await harness.apply(cancel(1), start(2))
    assert await harness.claimed_ids() == set()


async def test_a_waiting_run_is_not_claimed_before_its_time(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    await harness.sql("UPDATE executions SET state = 'waiting', resume_at = now() + interval '1 hour'")
    assert await harness.claimed_ids() == set()
    await harness.sql("UPDATE executions SET resume_at = now() - interval '1 second'")
    assert await harness.claimed_ids() == {1}


async def test_a_worker_leaves_what_it_cannot_run_to_others(harness: RunnerHarness) -> None:
    await harness.apply(start(1), start(2, "check.other"))
    older = RunClaims(harness.database, worker="old", task_types=["check.other"], lease_seconds=30, tenant_limit=8)
    assert [claim.execution.run_id for claim in (await older.claim(10)).claims] == [2]


async def test_the_first_claim_finds_due_runs_among_many_waiting_tenants(
    harness: RunnerHarness,
) -> None:
    await harness.apply(*(start(run, tenant_id=run) for run in range(1, 301)))
    await harness.sql("UPDATE executions SET resume_at = now() + interval '1 hour' WHERE run_id < 300")
    batch = await harness.claims().claim(2)
    assert [claim.execution.run_id for claim in batch.claims] == [300]
    assert not batch.more


async def test_a_worker_pauses_when_no_tenant_has_due_runs(harness: RunnerHarness) -> None:
    await harness.apply(*(start(run, tenant_id=run) for run in range(1, 6)))
    await harness.sql("UPDATE executions SET task_type = 'check.elsewhere'")
    claims = harness.claims()
    looks = [(await claims.claim(2)).more for _ in range(6)]
    assert looks == [True, True, False] * 2, "two tenants a look, and then a rest"


async def test_the_database_itself_refuses_a_second_run_of_one_guard(harness: RunnerHarness) -> None:
    await harness.apply(start(1), start(2))
    with pytest.raises(IntegrityError, match="executions_one_under_way"):
        await harness.sql("UPDATE executions SET state = 'running', lease_expires_at = now()")


async def test_many_workers_at_once_never_run_two_that_exclude_each_other(harness: RunnerHarness) -> None:
    kinds = [("check.quick", None), ("check.other", None), ("change.tenant", None)]
    kinds += [(name, on) for name in ("check.connection", "change.connection") for on in (1, 2)]
    starts = [
        start(number, task_type, tenant_id=1 + number % 3, on=on)
        for number, (task_type, on) in enumerate((kinds * 30)[:180], start=1)
    ]
    await harness.apply(*starts)
    together: list[object] = []
    done: list[int] = []

    async def work(name: str) -> None:
        claims = harness.claims(worker=name)
        while len(done) < len(starts):
            claimed = (await claims.claim(3)).claims
            together.extend(await harness.sql(TOGETHER))
            await asyncio.sleep(0.001)
            if claimed:
                await harness.settle(
                    *(
                        Settlement(
                            run_id=claim.execution.run_id,
                            lease_token=claim.lease_token,
                            observed=RunState.RUNNING,
                            outcome=DONE,
                        )
                        for claim in claimed
                    )
                )
                done.extend(claim.execution.run_id for claim in claimed)

    await asyncio.wait_for(asyncio.gather(*(work(f"w{number}") for number in range(5))), 60)
    assert together == []
    assert sorted(done) == [command.run_id for command in starts]


async def test_an_uncommitted_claim_is_respected_by_every_other_claim(
    harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.apply(start(1, "check.connection", on=1))
    about_to_commit, go_on = asyncio.Event(), asyncio.Event()
    claim_runs = claims.claim_runs

    async def slowly(tx: AsyncConnection, *arguments: Any) -> tuple[Claim, ...]:
        claimed = await claim_runs(tx, *arguments)
        about_to_commit.set()
        await go_on.wait()
        return claimed

    monkeypatch.setattr(claims, "claim_runs", slowly)
    first = asyncio.create_task(harness.claimed_ids(1))
    await about_to_commit.wait()
    monkeypatch.setattr(claims, "claim_runs", claim_runs)
    await harness.apply(start(2, "change.connection", on=1))
    meanwhile = await harness.claims(worker="w2").claim(5)
    go_on.set()
    assert await first == {1}
    assert (meanwhile.claims, meanwhile.more) == ((), True)
    assert await harness.claimed_ids(5, worker="w2") == set()


async def test_two_connections_to_one_microsoft_tenant_are_claimed_in_turn(harness: RunnerHarness) -> None:
    first, second = start(1, "change.connection", on=11), start(2, "change.connection", on=12)
    assert first.connection is not None
    same = msgspec.structs.replace(
        first.connection, id=12, external_tenant_id=first.connection.external_tenant_id.upper()
    )
    await harness.apply(first, msgspec.structs.replace(second, connection=same))

    assert await harness.claimed_ids() == {1}
