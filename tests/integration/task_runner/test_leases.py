"""Leases are kept alive in one statement; what nobody keeps alive is taken up again, within bounds."""

import asyncio

import pytest

from onboarding_shared.contracts.run_states import RunEvent
from onboarding_shared.contracts.task_runner import Progress, RunFinished, RunProgressed
from onboarding_shared.contracts.types import CheckStatus, RunState
from task_runner.domain.outcomes import RetryLater
from task_runner.store.leases import Held
from task_runner.store.settling import Settlement, SettlementRefused
from task_runner.use_cases.leases import Leases
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, start

EXPIRE = "UPDATE executions SET lease_expires_at = now() - interval '1 second' WHERE lease_expires_at IS NOT NULL"


@pytest.fixture
def leases(harness: RunnerHarness) -> Leases:
    return Leases(harness.database, harness.outbox, lease_seconds=30, confirm_seconds=20)


async def held(harness: RunnerHarness, run_id: int = 1, **options: int) -> Held:
    await harness.apply(start(run_id, **options))
    (claim,) = [held for held in await harness.claim() if held.execution.run_id == run_id]
    await harness.new_messages()
    return Held(run_id, claim.lease_token, None)


async def test_a_renewal_extends_and_returns_only_held_leases(harness: RunnerHarness, leases: Leases) -> None:
    mine = await held(harness)
    stolen = await held(harness, 2, tenant_id=5)
    await harness.sql("UPDATE executions SET lease_token = nextval('lease_tokens') WHERE run_id = 2")
    before = (await harness.row(1)).lease_expires_at
    assert await leases.renew([mine, stolen]) == {mine.lease_token: RunState.RUNNING}
    assert (await harness.row(1)).lease_expires_at > before


async def test_a_renewal_tells_the_worker_of_a_cancellation(harness: RunnerHarness, leases: Leases) -> None:
    mine = await held(harness)
    await harness.apply(cancel(1))
    assert await leases.renew([mine]) == {mine.lease_token: RunState.CANCELLING}


async def test_progress_is_stored_and_published_with_the_renewal(harness: RunnerHarness, leases: Leases) -> None:
    mine = await held(harness)
    progress = Progress(done=3, total=10, message="users")
    await leases.renew([Held(1, mine.lease_token, progress)])
    await leases.renew([mine])
    (message,) = await harness.new_messages()
    assert isinstance(message, RunProgressed)
    assert (message.state, message.progress) == (RunState.RUNNING, progress)


async def test_a_lease_that_lasts_is_left_alone(harness: RunnerHarness, leases: Leases) -> None:
    await held(harness)
    assert await leases.recover() == {}
    assert await harness.state(1) == "running"


async def test_a_run_with_a_lost_worker_is_claimed_again(harness: RunnerHarness, leases: Leases) -> None:
    first = await held(harness)
    await harness.sql(EXPIRE)
    assert await leases.recover() == {RunEvent.WAIT: 1}
    (message,) = await harness.new_messages()
    assert isinstance(message, RunProgressed)
    assert (message.state, message.reason_code) == (RunState.WAITING, "LEASE_LOST")
    (claim,) = await harness.claim(worker="w2")
    assert claim.lease_token > first.lease_token
    assert (claim.execution.attempt, claim.tries) == (2, 1)


async def test_the_worker_that_lost_its_lease_writes_nothing_after_it(harness: RunnerHarness, leases: Leases) -> None:
    late = await held(harness)
    await harness.sql(EXPIRE)
    await leases.recover()
    outcome = RetryLater(delay=900.0, reason_code="LATE", message="")
    for _ in range(2):
        answer = await harness.settle(
            Settlement(run_id=1, lease_token=late.lease_token, observed=RunState.RUNNING, outcome=outcome)
        )
        await harness.claim(worker="w2")
    assert answer == [SettlementRefused(None)]
    assert await leases.renew([late]) == {}


async def test_a_run_that_kills_every_worker_ends(harness: RunnerHarness, leases: Leases) -> None:
    await harness.apply(start(1))
    for _ in range(4):
        assert len(await harness.claim()) == 1
        await harness.sql(EXPIRE)
        await leases.recover()
        await harness.sql("UPDATE executions SET resume_at = now() WHERE state = 'waiting'")
    assert await harness.claim() == ()
    message = (await harness.new_messages())[-1]
    assert isinstance(message, RunFinished)
    assert (message.state, message.status, message.reason_code) == (RunState.FAILED, CheckStatus.UNKNOWN, "LEASE_LOST")
    assert message.attempt == 4


async def test_a_cancelled_run_whose_worker_went_away_is_cancelled(harness: RunnerHarness, leases: Leases) -> None:
    await held(harness)
    await harness.apply(cancel(1))
    await harness.sql(EXPIRE)
    assert await leases.recover() == {RunEvent.CANCEL: 1}
    assert await harness.state(1) == "cancelled"


async def test_two_workers_recover_the_same_lost_lease_once(harness: RunnerHarness, leases: Leases) -> None:
    await held(harness)
    await harness.sql(EXPIRE)
    recovered = await asyncio.gather(leases.recover(), leases.recover())
    assert sorted(sum(counts.values()) for counts in recovered) == [0, 1]
    assert (await harness.row(1)).losses == 1
