"""RunStarted is published for the runs that last, and for no others."""

import asyncio

import pytest

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed, RunStarted
from onboarding_shared.contracts.types import CheckStatus
from task_runner.domain.outcomes import Succeed
from task_runner.store.rows import Claim
from task_runner.store.settling import Settlement
from task_runner.tasks import Result, TaskContext, Wait
from task_runner.use_cases.starts import RunStarts
from task_runner.worker import starts
from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.integration.task_runner.working import task_that
from tests.support.waiting import eventually


def ended(claim: Claim) -> Settlement:
    return Settlement(
        run_id=claim.execution.run_id,
        lease_token=claim.lease_token,
        observed=claim.execution.state,
        outcome=Succeed(status=CheckStatus.OK, reason_code="DONE", message="Done.", payload={}),
    )


async def published(harness: RunnerHarness, last: type[Message]) -> list[Message]:
    """The messages about runs until the first of type ``last``."""
    messages: list[Message] = []

    async def look() -> bool:
        new = await harness.new_messages()
        messages.extend(message for message in new if isinstance(message, RunStarted | RunProgressed | RunFinished))
        return any(isinstance(message, last) for message in messages)

    await eventually(look)
    return messages


async def test_a_run_that_lasts_is_announced_before_its_end(harness: RunnerHarness) -> None:
    async def slow(context: TaskContext) -> Result:
        await asyncio.sleep(0.3)
        return Result.ok("FINE")

    harness.new_worker(task_that(slow)).start()
    await harness.apply(start(1, "test.task"))
    begun, end = await published(harness, RunFinished)
    assert isinstance(begun, RunStarted) and isinstance(end, RunFinished)
    assert (begun.run_id, begun.attempt, begun.started_at) == (1, 1, end.started_at)


async def test_a_run_that_ends_at_once_is_one_message(harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starts, "SHORT_SECONDS", 30.0)
    harness.new_worker().start()
    await harness.apply(start(1))
    (end,) = await published(harness, RunFinished)
    assert isinstance(end, RunFinished)
    assert end.started_at is not None


async def test_a_run_that_begins_while_another_lasts_is_announced(harness: RunnerHarness) -> None:
    async def slow(context: TaskContext) -> Result:
        await asyncio.sleep(0.3)
        return Result.ok("FINE")

    harness.new_worker(task_that(slow)).start()
    await harness.apply(start(1, "test.task"))
    await published(harness, RunStarted)
    await harness.apply(start(2, "test.task", tenant_id=5))
    begun = [message.run_id for message in await published(harness, RunStarted) if isinstance(message, RunStarted)]
    assert begun == [2]


async def test_a_run_that_ended_is_not_announced_any_more(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    (claim,) = await harness.claim()
    await harness.settle(ended(claim))
    await harness.new_messages()
    await RunStarts(harness.database, harness.outbox).announce([claim])
    assert await harness.new_messages() == []


async def test_only_the_latest_claim_of_a_run_is_announced(harness: RunnerHarness) -> None:
    await harness.apply(start(1))
    (lost,) = await harness.claim()
    await harness.sql(
        "UPDATE executions SET state = 'waiting', resume_at = now(), lease_expires_at = NULL, worker = NULL"
    )
    (current,) = await harness.claim()
    await RunStarts(harness.database, harness.outbox).announce([lost, current])
    (begun,) = await harness.new_messages()
    assert isinstance(begun, RunStarted)
    assert (begun.attempt, begun.started_at) == (2, current.claimed_at)


async def test_a_run_that_waits_at_once_says_when_it_began(
    harness: RunnerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts, "SHORT_SECONDS", 30.0)

    async def wait(context: TaskContext) -> Result:
        raise Wait("APPROVAL_PENDING", "Wait.", seconds=600)

    harness.new_worker(task_that(wait)).start()
    await harness.apply(start(1, "test.task"))
    (waits,) = await published(harness, RunProgressed)
    assert isinstance(waits, RunProgressed)
    assert waits.started_at is not None
    assert waits.started_at == (await harness.row(1)).started_at


async def test_progress_is_published_after_the_start(harness: RunnerHarness) -> None:
    async def reports(context: TaskContext) -> Result:
        await context.progress(1, 2)
        await asyncio.sleep(1.5)
        return Result.ok("FINE")

    harness.new_worker(task_that(reports)).start()
    await harness.apply(start(1, "test.task"))
    messages = await published(harness, RunFinished)
    assert [type(message) for message in messages] == [RunStarted, RunProgressed, RunFinished]
