"""The repetition of a result, at growing intervals, until evidence-store has confirmed it."""

import asyncio

import pytest

from onboarding_shared.contracts.task_runner import RunFinished
from task_runner.use_cases.confirmations import Confirmations
from tests.integration.task_runner.runner_harness import RunnerHarness, cancel, recorded, start

DUE = "UPDATE executions SET confirm_at = now() - interval '1 second' WHERE confirm_at IS NOT NULL"
WAIT = "SELECT extract(epoch FROM confirm_at - now()) AS seconds FROM executions WHERE run_id = 1"


@pytest.fixture
async def confirmations(harness: RunnerHarness) -> Confirmations:
    await harness.apply(start(1, "nobody.knows"))
    return Confirmations(harness.database, harness.outbox, confirm_seconds=20)


async def test_a_result_is_not_repeated_before_its_time(harness: RunnerHarness, confirmations: Confirmations) -> None:
    assert await confirmations.resend() == 0


async def test_an_unconfirmed_result_is_repeated_unchanged(
    harness: RunnerHarness, confirmations: Confirmations
) -> None:
    await harness.sql(DUE)
    assert await confirmations.resend() == 1
    first, again = await harness.new_messages()
    assert isinstance(again, RunFinished)
    assert again == first


async def test_the_waits_double_up_to_ten_minutes(harness: RunnerHarness, confirmations: Confirmations) -> None:
    waits = []
    for _ in range(7):
        await harness.sql(DUE)
        await confirmations.resend()
        (row,) = await harness.sql(WAIT)
        waits.append(round(float(row.seconds)))
    assert waits == [40, 80, 160, 320, 600, 600, 600]


async def test_a_confirmed_result_is_never_repeated(harness: RunnerHarness, confirmations: Confirmations) -> None:
    await harness.sql(DUE)
    await harness.apply(recorded(1))
    assert await confirmations.resend() == 0


async def test_a_cancelled_run_is_not_repeated_by_itself(harness: RunnerHarness, confirmations: Confirmations) -> None:
    await harness.apply(start(2))
    await harness.apply(cancel(2))
    await harness.sql("UPDATE executions SET confirm_at = NULL WHERE run_id = 1")
    await harness.sql(DUE)
    assert await confirmations.resend() == 0


async def test_two_sweepers_at_once_tell_it_once(harness: RunnerHarness, confirmations: Confirmations) -> None:
    await harness.sql(DUE)
    await asyncio.gather(confirmations.resend(), confirmations.resend())
    assert len(await harness.new_messages()) == 2  # the result itself, and one repetition
