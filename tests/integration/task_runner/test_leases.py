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
from tests.integration.task_runner.scene import Scene, cancel, start

EXPIRE = "UPDATE executions SET lease_expires_at = now() - interval '1 second' WHERE lease_expires_at IS NOT NULL"


@pytest.fixture
def leases(scene: Scene) -> Leases:
    return Leases(scene.database, scene.outbox, lease_seconds=30, confirm_seconds=20)


async def held(scene: Scene, run_id: int = 1, **options: int) -> Held:
    await scene.apply(start(run_id, **options))
    (claim,) = [one for one in await scene.claim() if one.execution.run_id == run_id]
    await scene.said()
    return Held(run_id, claim.lease_token, None)


async def test_a_renewal_extends_what_is_still_held_and_names_only_that(scene: Scene, leases: Leases) -> None:
    mine = await held(scene)
    stolen = await held(scene, 2, tenant_id=5)
    await scene.sql("UPDATE executions SET lease_token = nextval('lease_tokens') WHERE run_id = 2")
    before = (await scene.row(1)).lease_expires_at
    assert await leases.renew([mine, stolen]) == {1: RunState.RUNNING}
    assert (await scene.row(1)).lease_expires_at > before


async def test_a_renewal_tells_the_worker_of_a_cancellation(scene: Scene, leases: Leases) -> None:
    mine = await held(scene)
    await scene.apply(cancel(1))
    assert await leases.renew([mine]) == {1: RunState.CANCELLING}


async def test_progress_is_kept_and_told_with_the_renewal(scene: Scene, leases: Leases) -> None:
    mine = await held(scene)
    progress = Progress(done=3, total=10, message="users")
    await leases.renew([Held(1, mine.lease_token, progress)])
    await leases.renew([mine])
    (told,) = await scene.said()
    assert isinstance(told, RunProgressed)
    assert (told.state, told.progress) == (RunState.RUNNING, progress)


async def test_a_lease_that_lasts_is_left_alone(scene: Scene, leases: Leases) -> None:
    await held(scene)
    assert await leases.recover() == {}
    assert await scene.state(1) == "running"


async def test_a_run_whose_worker_went_away_is_claimed_again_as_another_attempt(scene: Scene, leases: Leases) -> None:
    first = await held(scene)
    await scene.sql(EXPIRE)
    assert await leases.recover() == {RunEvent.WAIT: 1}
    (told,) = await scene.said()
    assert isinstance(told, RunProgressed)
    assert (told.state, told.reason_code) == (RunState.WAITING, "LEASE_LOST")
    (claim,) = await scene.claim(worker="w2")
    assert claim.lease_token > first.lease_token
    assert (claim.execution.attempt, claim.tries) == (2, 1)


async def test_the_worker_that_lost_its_lease_writes_nothing_after_it(scene: Scene, leases: Leases) -> None:
    late = await held(scene)
    await scene.sql(EXPIRE)
    await leases.recover()
    outcome = RetryLater(delay=900.0, reason_code="LATE", message="")
    for _ in range(2):
        answer = await scene.settle(
            Settlement(run_id=1, lease_token=late.lease_token, observed=RunState.RUNNING, outcome=outcome)
        )
        await scene.claim(worker="w2")
    assert answer == [SettlementRefused(None)]
    assert await leases.renew([late]) == {}


async def test_a_run_that_kills_every_worker_ends(scene: Scene, leases: Leases) -> None:
    await scene.apply(start(1))
    for _ in range(4):
        assert len(await scene.claim()) == 1
        await scene.sql(EXPIRE)
        await leases.recover()
    assert await scene.claim() == ()
    told = (await scene.said())[-1]
    assert isinstance(told, RunFinished)
    assert (told.state, told.status, told.reason_code) == (RunState.FAILED, CheckStatus.UNKNOWN, "LEASE_LOST")
    assert told.attempt == 4


async def test_a_cancelled_run_whose_worker_went_away_is_cancelled(scene: Scene, leases: Leases) -> None:
    await held(scene)
    await scene.apply(cancel(1))
    await scene.sql(EXPIRE)
    assert await leases.recover() == {RunEvent.CANCEL: 1}
    assert await scene.state(1) == "cancelled"


async def test_two_workers_that_find_the_same_lost_lease_take_it_once(scene: Scene, leases: Leases) -> None:
    await held(scene)
    await scene.sql(EXPIRE)
    recovered = await asyncio.gather(leases.recover(), leases.recover())
    assert sorted(sum(one.values()) for one in recovered) == [0, 1]
    assert (await scene.row(1)).losses == 1
