"""A result is told again until the evidence store has it, ever more seldom."""

import asyncio

import pytest

from onboarding_shared.contracts.task_runner import RunFinished
from task_runner.use_cases.confirmations import Confirmations
from tests.integration.task_runner.scene import Scene, cancel, recorded, start

DUE = "UPDATE executions SET confirm_at = now() - interval '1 second' WHERE confirm_at IS NOT NULL"
WAIT = "SELECT extract(epoch FROM confirm_at - now()) AS seconds FROM executions WHERE run_id = 1"


@pytest.fixture
async def confirmations(scene: Scene) -> Confirmations:
    await scene.apply(start(1, "nobody.knows"))
    return Confirmations(scene.database, scene.outbox, confirm_seconds=20)


async def test_a_result_is_not_repeated_before_its_time(scene: Scene, confirmations: Confirmations) -> None:
    assert await confirmations.resend() == 0


async def test_a_result_that_nobody_confirmed_is_told_again_unchanged(
    scene: Scene, confirmations: Confirmations
) -> None:
    await scene.sql(DUE)
    assert await confirmations.resend() == 1
    first, again = await scene.said()
    assert isinstance(again, RunFinished)
    assert again == first


async def test_the_waits_double_up_to_ten_minutes(scene: Scene, confirmations: Confirmations) -> None:
    waits = []
    for _ in range(7):
        await scene.sql(DUE)
        await confirmations.resend()
        (row,) = await scene.sql(WAIT)
        waits.append(round(float(row.seconds)))
    assert waits == [40, 80, 160, 320, 600, 600, 600]


async def test_a_confirmed_result_is_never_told_again(scene: Scene, confirmations: Confirmations) -> None:
    await scene.sql(DUE)
    await scene.apply(recorded(1))
    assert await confirmations.resend() == 0


async def test_a_cancelled_run_is_not_repeated_by_itself(scene: Scene, confirmations: Confirmations) -> None:
    await scene.apply(start(2))
    await scene.apply(cancel(2))
    await scene.sql("UPDATE executions SET confirm_at = NULL WHERE run_id = 1")
    await scene.sql(DUE)
    assert await confirmations.resend() == 0


async def test_two_sweepers_at_once_tell_it_once(scene: Scene, confirmations: Confirmations) -> None:
    await scene.sql(DUE)
    await asyncio.gather(confirmations.resend(), confirmations.resend())
    assert len(await scene.said()) == 2  # the result itself, and one repetition
